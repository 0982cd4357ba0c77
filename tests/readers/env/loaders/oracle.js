// Reads a JSON list of env files from stdin; writes, for each, what every loader makes of it with nothing set outside.
'use strict'

const fs = require('fs')
const { createRequire } = require('module')

const load = createRequire(process.argv[2] + '/')
const dotenv = load('dotenv')
const dotenv14 = load('dotenv14')
const expand12 = load('expand12')
const expand = load('dotenv-expand')
const next = load('@next/env')

const silent = { info () {}, error () {}, warn () {} }

function clear () {
  for (const name of Object.keys(process.env)) delete process.env[name]
}

const texts = JSON.parse(fs.readFileSync(0, 'utf8'))
clear()
const readings = texts.map(text => {
  const expanded = library => library.expand({ parsed: dotenv.parse(text), processEnv: {} }).parsed
  const reading = {
    'node-dotenv': dotenv.parse(text),
    'node-dotenv-14': dotenv14.parse(text),
    'dotenv-expand': expanded(expand),
    'dotenv-expand-12': expanded(expand12)
  }
  clear()
  const [, parsed] = next.processEnv([{ path: '.env', contents: text, env: {} }], '/', silent, true)
  reading.nextjs = parsed || {}
  return reading
})
process.stdout.write(JSON.stringify(readings))
