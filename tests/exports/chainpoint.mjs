// Chainpoint exports, judged by npm chainpoint-parse: each leads to the log's root, and a changed one does not.
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import parser from 'chainpoint-parse'

const [out, vectors, drawn] = process.argv.slice(2)
const expected = JSON.parse(readFileSync(join(out, 'expected.json'), 'utf8'))
let passed = 0
let failed = 0

function check(name, is) {
  if (is) passed++
  else { failed++; console.log(`FAILED ${name}`) }
}

function leadsTo(proof) {
  const { hash, branches } = parser.parse(proof)
  const [branch] = branches
  if (branches.length !== 1 || branch.label !== 'cal_anchor_branch' || branch.anchors.length !== 1) return {}
  return { hash, type: branch.anchors[0].type, root: branch.anchors[0].expected_value }
}

function judge(name, proof, hash, root) {
  const found = leadsTo(proof)
  check(name, found.hash === hash && found.type === 'cal' && found.root === root)
}

for (const name of readdirSync(out)) {
  const is = name.endsWith('.chp') || name.endsWith('.chp.json')
  if (!is) continue
  const bytes = readFileSync(join(out, name))
  const { hash, root } = expected[name.split('.')[0]]
  if (name.endsWith('.chp')) { judge(name, bytes, hash, root); continue }
  const proof = JSON.parse(bytes)
  judge(name, proof, hash, root)
  const ops = proof.branches[0].ops
  for (const at of ops.keys()) {
    const key = 'l' in ops[at] ? 'l' : 'r'
    if (!(key in ops[at])) continue
    const changed = structuredClone(proof)
    const value = ops[at][key]
    changed.branches[0].ops[at][key] = value.slice(0, -1) + (value.endsWith('0') ? '1' : '0')
    check(`${name} with step ${at} changed`, leadsTo(changed).root !== root)
  }
}
for (const { id, expect } of JSON.parse(readFileSync(vectors, 'utf8')).cases)
  judge(`vector ${id}`, expect.chainpoint, expect.chainpoint.hash, expect.expected_value)
// 10,000 drawn receipts: each leads to its root, and with one step changed no more
let same = 0
let refused = 0
const lines = readFileSync(drawn, 'utf8').trimEnd().split('\n')
lines.forEach((line, number) => {
  const { hash, root, proof } = JSON.parse(line)
  const found = leadsTo(proof)
  if (found.hash === hash && found.root === root) same++
  const ops = proof.branches[0].ops
  const steps = [...ops.keys()].filter((at) => ops[at].l || ops[at].r)
  const at = steps[number % steps.length]
  const key = ops[at].l ? 'l' : 'r'
  const value = ops[at][key]
  ops[at][key] = value.slice(0, -1) + (value.endsWith('0') ? '1' : '0')
  if (leadsTo(proof).root !== root) refused++
})
check(`${same} of ${lines.length} drawn receipts lead to their root`, same === lines.length)
check(`${refused} of ${lines.length} with a step changed do not`, refused === lines.length)
console.log(`${passed} passed, ${failed} failed`)
process.exit(failed === 0 && passed > 0 ? 0 : 1)
