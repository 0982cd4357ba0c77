const { Pool } = require("pg");

const pool = new Pool({ connectionString: process.env.DATABASE_URL, max: 1 });

exports.handler = async () => (await pool.query("SELECT 1")).rows;
