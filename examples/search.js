'use strict'

// Full-text search with FTS5: ranked, highlighted, kept up to date by triggers.

const assert = require('node:assert/strict')
const Database = require('ferrolite')

const db = new Database(':memory:')
db.exec(`
  CREATE TABLE article (id INTEGER PRIMARY KEY, title TEXT, body TEXT);
  CREATE VIRTUAL TABLE article_text USING fts5(
    title, body, content='article', content_rowid='id', tokenize='porter unicode61'
  );
  CREATE TRIGGER article_added AFTER INSERT ON article BEGIN
    INSERT INTO article_text (rowid, title, body) VALUES (new.id, new.title, new.body);
  END;
`)
const insert = db.prepare('INSERT INTO article (title, body) VALUES (?, ?)')
insert.run('Rust', 'Iron oxide, or a language for systems.')
insert.run('SQLite', 'A small, fast database engine, linked into nearly everything.')
insert.run('Linking', 'To embed a database is to link its engine into a program.')

const search = db.prepare(`
  SELECT title, snippet(article_text, 1, '[', ']', '...', 6) AS found
  FROM article_text WHERE article_text MATCH ? ORDER BY bm25(article_text, 5, 1)
`)
const rows = search.all('linking AND engine')
console.log(rows)
assert.deepEqual(rows.map(({ title }) => title), ['Linking', 'SQLite'])
assert.match(rows[1].found, /\[engine\]/)

db.close()
