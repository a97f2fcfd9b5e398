import Database = require('ferrolite')

export = Database
