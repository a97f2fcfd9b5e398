import Database = require('ferrolite/promise')

export = Database
