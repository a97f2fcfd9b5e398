'use strict'

// The keywords of SQLite 3.47: https://sqlite.org/lang_keywords.html

const KEYWORDS = `ABORT ACTION ADD AFTER ALL ALTER ALWAYS ANALYZE AND AS ASC ATTACH AUTOINCREMENT BEFORE BEGIN BETWEEN BY
CASCADE CASE CAST CHECK COLLATE COLUMN COMMIT CONFLICT CONSTRAINT CREATE CROSS CURRENT CURRENT_DATE CURRENT_TIME
CURRENT_TIMESTAMP DATABASE DEFAULT DEFERRABLE DEFERRED DELETE DESC DETACH DISTINCT DO DROP EACH ELSE END ESCAPE EXCEPT EXCLUDE
EXCLUSIVE EXISTS EXPLAIN FAIL FILTER FIRST FOLLOWING FOR FOREIGN FROM FULL GENERATED GLOB GROUP GROUPS HAVING IF IGNORE
IMMEDIATE IN INDEX INDEXED INITIALLY INNER INSERT INSTEAD INTERSECT INTO IS ISNULL JOIN KEY LAST LEFT LIKE LIMIT MATCH
MATERIALIZED NATURAL NO NOT NOTHING NOTNULL NULL NULLS OF OFFSET ON OR ORDER OTHERS OUTER OVER PARTITION PLAN PRAGMA PRECEDING
PRIMARY QUERY RAISE RANGE RECURSIVE REFERENCES REGEXP REINDEX RELEASE RENAME REPLACE RESTRICT RETURNING RIGHT ROLLBACK ROW ROWS
SAVEPOINT SELECT SET TABLE TEMP TEMPORARY THEN TIES TO TRANSACTION TRIGGER UNBOUNDED UNION UNIQUE UPDATE USING VACUUM VALUES
VIEW VIRTUAL WHEN WHERE WINDOW WITH WITHOUT`.split(/\s+/)

const FUNCTIONS = `abs avg changes char coalesce concat concat_ws count date datetime dense_rank first_value format glob
group_concat hex iif ifnull instr json json_array json_array_length json_each json_extract json_group_array json_group_object
json_insert json_object json_patch json_quote json_remove json_replace json_set json_tree json_type json_valid julianday lag
last_insert_rowid last_value lead length like likely lower ltrim max median min nth_value ntile nullif octet_length
percent_rank printf quote random randomblob rank replace round row_number rtrim sign soundex strftime string_agg substr
sum time timediff total total_changes trim typeof unhex unicode unixepoch upper vector_each vector_to_json zeroblob`
  .split(/\s+/)

const SET = new Set(KEYWORDS)

function isKeyword (word) {
  return SET.has(word.toUpperCase())
}

module.exports = { FUNCTIONS, KEYWORDS, isKeyword }
