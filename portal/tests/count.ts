// Says what failed, then "N passed, N failed": the line that tests/parts.sh adds up.

import type { UserConsoleLog } from "vitest";
import type { Reporter, SerializedError, TestCase, TestModule } from "vitest/node";

export default class Count implements Reporter {
  onTestCaseResult(test: TestCase): void {
    const result = test.result();
    if (result.state !== "failed") return;
    console.log(`test ${test.module.relativeModuleId} ${test.fullName} FAILED`);
    for (const error of result.errors) console.log(`  ${error.message}\n${error.diff ?? error.stack ?? ""}`);
  }

  onUserConsoleLog(log: UserConsoleLog): void {
    process[log.type].write(log.content);
  }

  onTestRunEnd(modules: readonly TestModule[], errors: readonly SerializedError[]): void {
    let passed = 0;
    let failed = errors.length;
    for (const error of errors) console.log(error.stack ?? error.message);
    for (const module of modules) {
      for (const error of module.errors()) {
        failed++;
        console.log(`test ${module.relativeModuleId} FAILED\n  ${error.stack ?? error.message}`);
      }
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state === "passed") passed++;
        if (state === "failed") failed++;
      }
    }
    console.log(`${passed} passed, ${failed} failed`);
  }
}
