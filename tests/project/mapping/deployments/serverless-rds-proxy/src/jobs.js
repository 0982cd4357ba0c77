const { pool } = require('./db')

exports.handler = async () => (await pool.query('select 2')).rows
