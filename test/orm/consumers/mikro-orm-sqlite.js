'use strict'

require('./mikro-orm')('@mikro-orm/sqlite')
