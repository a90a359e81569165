// npm merkle-tools beside ours: build, all proofs, each proof verified. CPU time of the process,
// one warm-up round, median and least of the others. Prints Markdown tables; figures are ns an item.
import { createHash } from 'node:crypto'
import MerkleTools from 'merkle-tools'

const leaf = (number) => createHash('sha256').update(`leaf ${number}`).digest()

function cpuNs() {
  const { user, system } = process.cpuUsage()
  return (user + system) * 1000
}

function print(title, items, rounds, run) {
  const times = []
  for (let round = 0; round <= rounds; round++) {
    const start = cpuNs()
    run()
    if (round > 0) times.push((cpuNs() - start) / items)
  }
  times.sort((a, b) => a - b)
  const median = times[times.length >> 1]
  console.log(`\n## merkle-tools: ${title}, ${items} leaves\n\n| | median | least |\n|---|---|---|`)
  console.log(`| merkle-tools | ${median.toFixed(1)} | ${times[0].toFixed(1)} |`)
}

for (const size of [1_000, 10_000, 100_000]) {
  const rounds = size > 50_000 ? 3 : 7
  const leaves = Array.from({ length: size }, (_, number) => leaf(number))
  const build = () => {
    const tree = new MerkleTools({ hashType: 'sha256' })
    tree.addLeaves(leaves)
    tree.makeTree()
    return tree
  }
  print('build', size, rounds, build)
  const tree = build()
  const root = tree.getMerkleRoot()
  const all = () => leaves.map((_, index) => tree.getProof(index))
  print('all proofs', size, rounds, all)
  const proofs = all()
  print('verify one by one', size, rounds, () => {
    proofs.forEach((proof, index) => {
      if (!tree.validateProof(proof, leaves[index], root)) throw new Error('not proven')
    })
  })
}
