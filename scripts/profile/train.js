'use strict'

// What the engine does while its profile is taken (scripts/profile.js): the work of a small
// shop, from the statements of a web server to reports, imports, searches and damage. It has
// nothing of bench/: a profile made of the questions of an examination would be worth nothing.
// Counts, not clocks, say how much of each, and the seed is fixed, so that two runs do the same.
//
// node scripts/profile/train.js FOLDER [REPEATS]

const fs = require('node:fs')
const path = require('node:path')

const Database = require('../..')

const WORDS = ('river stone lamp garden winter copper letter bridge engine violet market signal harbour meadow ' +
  'pencil thunder velvet orchard canyon lantern').split(' ')
const CITIES = ['Z\u00fcrich', 'Lyon', '\u6771\u4eac', 'Porto', 'K\u00f8benhavn', 'Ghent']

let state = 20261128
function random (below) {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0
  return Math.floor(state / 4294967296 * below)
}
const pick = (list) => list[random(list.length)]
const phrase = (length) => Array.from({ length }, () => pick(WORDS)).join(' ')

const SCHEMA = `
  CREATE TABLE customer (id INTEGER PRIMARY KEY, name TEXT NOT NULL, city TEXT, mail TEXT UNIQUE, credit REAL, since INTEGER);
  CREATE TABLE product (sku TEXT PRIMARY KEY, title TEXT, price INTEGER, stock INTEGER DEFAULT 0, picture BLOB) WITHOUT ROWID;
  CREATE TABLE purchase (id INTEGER PRIMARY KEY, customer INTEGER REFERENCES customer(id), at INTEGER, state TEXT, note TEXT);
  CREATE TABLE line (purchase INTEGER, number INTEGER, sku TEXT, amount INTEGER, price INTEGER, PRIMARY KEY (purchase, number)) WITHOUT ROWID;
  CREATE TABLE event (id INTEGER PRIMARY KEY, body TEXT);
  CREATE TABLE meter (a INTEGER, b INTEGER, c INTEGER, d INTEGER, e REAL, f REAL, g REAL, h TEXT, i TEXT, j INTEGER);
  CREATE INDEX purchase_customer ON purchase (customer, at);
  CREATE INDEX line_sku ON line (sku);
  CREATE VIRTUAL TABLE article USING fts5(title, body);
  CREATE TRIGGER line_stock AFTER INSERT ON line BEGIN UPDATE product SET stock = stock - new.amount WHERE sku = new.sku; END;
  CREATE VIEW spent AS SELECT customer, sum(amount * price) AS total FROM purchase JOIN line ON line.purchase = purchase.id GROUP BY customer;
`

const CUSTOMERS = 3000
const PRODUCTS = 800
const PURCHASES = 4000

const sku = (n) => `P-${String(n).padStart(5, '0')}`

function fill (db) {
  db.exec(SCHEMA)
  const customer = db.prepare('INSERT INTO customer (name, city, mail, credit, since) VALUES (?, ?, ?, ?, ?)')
  const product = db.prepare('INSERT INTO product VALUES (@sku, @title, @price, @stock, @picture)')
  const meter = db.prepare('INSERT INTO meter VALUES (?,?,?,?,?,?,?,?,?,?)')
  const article = db.prepare('INSERT INTO article VALUES (?, ?)')
  const event = db.prepare('INSERT INTO event (body) VALUES (?)')
  db.transaction(() => {
    for (let i = 1; i <= CUSTOMERS; i++) {
      const mail = `${pick(WORDS)}.${i}@example.org`
      customer.run(phrase(2), pick(CITIES), mail, random(100000) / 100, 1.6e12 + random(1e9))
    }
    for (let i = 0; i < PRODUCTS; i++) {
      const picture = i % 9 === 0 ? Buffer.alloc(20 + random(300), i) : null
      const [title, price, stock] = [phrase(3), 100 + random(9000), random(500)]
      product.run({ sku: sku(i), title, price, stock, picture })
    }
    for (let i = 0; i < 6000; i++) {
      const measured = [random(1e6), random(1e12), random(1e6) / 7]
      meter.run(i, random(10), ...measured, i / 3, null, pick(WORDS), pick(CITIES), i % 2)
    }
    for (let i = 0; i < 400; i++) article.run(phrase(4), phrase(60))
    for (let i = 0; i < 600; i++) {
      const tags = [pick(WORDS), pick(WORDS)]
      event.run(JSON.stringify({ kind: pick(WORDS), at: i, tags, user: { id: random(CUSTOMERS) } }))
    }
  })()
  purchases(db, PURCHASES)
}

// One transaction each 40: a header, its lines, a trigger on each.
function purchases (db, count) {
  const head = db.prepare('INSERT INTO purchase (customer, at, state, note) VALUES (?, ?, ?, ?)')
  const line = db.prepare('INSERT INTO line VALUES (?, ?, ?, ?, ?)')
  const some = db.transaction((n) => {
    for (let i = 0; i < n; i++) {
      const state = pick(['new', 'paid', 'sent'])
      const { lastInsertRowid } = head.run(1 + random(CUSTOMERS), 1.7e12 + random(1e9), state, null)
      for (let l = 0, lines = 1 + random(4); l < lines; l++) {
        line.run(lastInsertRowid, l, sku(random(PRODUCTS)), 1 + random(5), random(5000))
      }
    }
  })
  for (let i = 0; i < count; i += 40) some(40)
}

// What a request asks: rows by key, a few of them, none.
function requests (db, count) {
  const byId = db.prepare('SELECT * FROM customer WHERE id = ?')
  const byMail = db.prepare('SELECT id, name FROM customer WHERE mail = @mail')
  const byKey = db.prepare('SELECT title, price, picture FROM product WHERE sku = ?')
  const recent = db.prepare('SELECT id, at, state FROM purchase WHERE customer = ? ORDER BY at DESC LIMIT 5')
  const joined = db.prepare(`SELECT purchase.id, title, amount, line.price FROM purchase
    JOIN line ON line.purchase = purchase.id JOIN product USING (sku) WHERE customer = ?`)
  const total = db.prepare('SELECT count(*), max(at) FROM purchase WHERE customer = ?').raw()
  const exists = db.prepare('SELECT 1 FROM customer WHERE id = ?').pluck()
  for (let i = 0; i < count; i++) {
    byId.get(1 + random(CUSTOMERS * 1.1))
    byMail.get({ mail: `${pick(WORDS)}.${random(CUSTOMERS)}@example.org` })
    byKey.get(sku(random(PRODUCTS)))
    recent.all(1 + random(CUSTOMERS))
    exists.get(random(CUSTOMERS * 2))
    if (i % 3 === 0) { joined.all(1 + random(CUSTOMERS)); total.get(1 + random(CUSTOMERS)) }
  }
}

// What a request changes, a commit each.
function changes (db, count) {
  const insert = db.prepare('INSERT INTO event (body) VALUES (?)')
  const update = db.prepare('UPDATE purchase SET state = ? WHERE id = ?')
  const upsert = db.prepare(`INSERT INTO product (sku, title, price) VALUES (?, ?, ?)
    ON CONFLICT (sku) DO UPDATE SET price = excluded.price RETURNING stock`)
  const remove = db.prepare('DELETE FROM event WHERE id = ?')
  const named = db.prepare('UPDATE customer SET credit = credit + $more, name = $name WHERE id = $id')
  for (let i = 0; i < count; i++) {
    const { lastInsertRowid } = insert.run(`{"kind":"${pick(WORDS)}","at":${i}}`)
    update.run('paid', 1 + random(PURCHASES))
    if (i % 2 === 0) remove.run(lastInsertRowid)
    if (i % 4 === 0) upsert.get(sku(random(PRODUCTS + 50)), phrase(2), random(900))
    named.run({ more: i / 4, name: phrase(2), id: 1 + random(CUSTOMERS) })
  }
}

// Many rows, some without an index.
function lists (db, count) {
  const wide = db.prepare('SELECT * FROM meter')
  const narrow = db.prepare('SELECT h FROM meter').pluck()
  const people = db.prepare('SELECT id, name, city, mail FROM customer')
  const pictures = db.prepare('SELECT sku, picture FROM product WHERE picture IS NOT NULL')
  const page = db.prepare('SELECT id, name, credit FROM customer WHERE id > ? ORDER BY id LIMIT 50')
  const found = db.prepare('SELECT name FROM customer WHERE name LIKE ? ORDER BY name LIMIT 20')
  for (let i = 0; i < count; i++) {
    wide.all()
    narrow.all()
    people.all()
    pictures.all()
    for (let p = 0; p < 20; p++) page.all(random(CUSTOMERS))
    for (const row of wide.iterate()) if (row.a > 500) break
    found.all(`%${pick(WORDS)}%`)
  }
}

function reports (db, count) {
  db.function('tax', { deterministic: true }, (price) => Math.round(price * 0.19))
  db.aggregate('spread', { start: () => [], step: (all, v) => { all.push(v) }, result: (all) => Math.max(...all) - Math.min(...all) })
  const sql = [
    'SELECT b, count(*), avg(c), sum(d) FROM meter GROUP BY b ORDER BY 2 DESC',
    'SELECT city, count(*) AS n, sum(credit) FROM customer GROUP BY city HAVING n > 1 ORDER BY n DESC',
    'SELECT * FROM spent ORDER BY total DESC LIMIT 10',
    'SELECT sku, sum(amount) AS n FROM line GROUP BY sku ORDER BY n DESC LIMIT 10',
    'SELECT a, sum(c) OVER (ORDER BY a ROWS 5 PRECEDING) FROM meter WHERE a < 2000',
    'SELECT sum(tax(price)) FROM line',
    'SELECT spread(c) FROM meter WHERE b = 3',
    "SELECT json_extract(body, '$.kind') AS k, count(*) FROM event GROUP BY k",
    "SELECT j.value, count(*) FROM event, json_each(event.body, '$.tags') AS j GROUP BY 1",
    "SELECT rowid, title FROM article WHERE article MATCH 'river AND bridge' ORDER BY rank LIMIT 10",
    "SELECT snippet(article, 1, '[', ']', '...', 8) FROM article WHERE article MATCH 'lant*' LIMIT 10",
    'WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 3000) SELECT sum(i) FROM n',
    "SELECT upper(h) || substr(i, 2), date(d / 1000000, 'unixepoch') FROM meter WHERE c % 7 = 0 LIMIT 300",
    'SELECT DISTINCT customer FROM purchase WHERE id IN (SELECT purchase FROM line WHERE amount > 3)',
    'SELECT max(e), min(f), total(e), group_concat(h) FROM meter WHERE a BETWEEN 100 AND 900'
  ]
  for (let i = 0; i < count; i++) for (const text of sql) db.prepare(text).all()
}

// Statements that are new each time, as query builders and ORMs make them.
function prepares (db, count) {
  const columns = ['id', 'name', 'city', 'mail', 'credit', 'since']
  for (let i = 0; i < count; i++) {
    const some = columns.filter(() => random(2) === 0).map((name) => `"customer"."${name}"`).join(', ') || '*'
    db.prepare(`select ${some} from "customer" where "id" = ? limit ?`).get(random(CUSTOMERS), 1)
    db.prepare(`INSERT INTO event (body) VALUES ('${i}')`)
    db.prepare(`select "p"."id", "l"."sku" from "purchase" as "p" left join "line" as "l" on "l"."purchase" = "p"."id" where "p"."state" = '${pick(WORDS)}' and "p"."at" > ${i} order by "p"."at"`)
    db.exec('SAVEPOINT s; RELEASE s')
  }
}

// Values beyond a page, and a little of all else.
function large (db, count) {
  db.exec('CREATE TABLE IF NOT EXISTS file (id INTEGER PRIMARY KEY, data)')
  const put = db.prepare('INSERT OR REPLACE INTO file VALUES (?, ?)')
  const take = db.prepare('SELECT data FROM file WHERE id = ?').pluck()
  for (let i = 0; i < count; i++) {
    put.run(i % 8, i % 2 === 0 ? Buffer.alloc(70000 + random(400000), i) : phrase(20000))
    take.get(random(8))
  }
  db.transaction(() => { for (let i = 0; i < count; i++) put.run(100 + i, phrase(50)) })()
}

function upkeep (db) {
  db.exec('ANALYZE; REINDEX purchase_customer')
  db.pragma('integrity_check')
  db.prepare('DELETE FROM event WHERE id % 3 = 0').run()
  db.exec('ALTER TABLE meter ADD COLUMN k; DROP TABLE meter')
  db.exec('VACUUM')
}

function shop (db, share) {
  const times = (count) => Math.max(1, Math.round(count * share))
  fill(db)
  requests(db, times(30000))
  lists(db, times(40))
  prepares(db, times(4000))
  changes(db, times(4000))
  reports(db, times(8))
  purchases(db, times(2000))
  large(db, times(60))
  upkeep(db)
}

function main (folder, repeats = '1') {
  fs.mkdirSync(folder, { recursive: true })
  for (let i = 0; i < Number(repeats); i++) {
    for (const [name, options, pragma, share] of [
      [':memory:', {}, '', 1],
      ['wal.db', {}, 'journal_mode = WAL', 1],
      ['delete.db', {}, 'cache_size = -400', 0.05],
      ['secret.db', { encryptionKey: 'a key for the profile' }, 'journal_mode = WAL', 0.1]
    ]) {
      const file = name === ':memory:' ? name : path.join(folder, `${i}-${name}`)
      const db = new Database(file, options)
      if (pragma) db.pragma(pragma)
      shop(db, share)
      db.close()
    }
  }
}

if (require.main === module) main(...process.argv.slice(2))
