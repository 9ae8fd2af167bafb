// One simulation per line in, one verdict per line out.
import { createInterface } from 'node:readline'
import { getDenialReasons, runSimulation } from '@cloud-copilot/iam-simulate'

for await (const line of createInterface({ input: process.stdin })) {
  let answer
  try {
    const result = await runSimulation(JSON.parse(line), {})
    answer =
      result.resultType === 'error'
        ? { error: JSON.stringify(result.errors) }
        : { verdict: result.overallResult, reasons: getDenialReasons(result) }
  } catch (error) {
    answer = { error: String(error) }
  }
  process.stdout.write(JSON.stringify(answer) + '\n')
}
