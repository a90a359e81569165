import Foundation
import Testing
import Vitalwitness

/// What a thousand records in one call cost, for `bindings/cost.sh`; the same calls as `bindings/mobile/examples/cost.rs`.
@Suite(.enabled(if: ProcessInfo.processInfo.environment["VW_COST"] == "1")) struct CostTests {
    private let records = 1_000
    private let adds = 40
    private let reads = 1_000
    private let start = instant("2026-01-01T00:00:00Z")

    @Test("a thousand records in one call")
    func cost() async throws {
        try await inFolder { folder in
            let vault = try await Phone.new(folder).vault
            for round in 0..<adds { _ = try await vault.addMany(records: thousand(round)) }
            var before = try cpuMs()
            for round in adds..<2 * adds { _ = try await vault.addMany(records: thousand(round)) }
            said("add", try cpuMs() - before, adds)

            let query = RecordQuery(code: heartRate, limit: 1_000)
            for _ in 0..<reads { #expect(try await vault.records(query: query).records.count == 1_000) }
            before = try cpuMs()
            for _ in 0..<reads { #expect(try await vault.records(query: query).records.count == 1_000) }
            said("read", try cpuMs() - before, reads)
        }
    }

    private func thousand(_ round: Int) -> [NewRecord] {
        (0..<records).map { at in
            let value = Value.quantity(number: ExactNumber("\(60 + at % 40)")!, unit: "/min")
            return NewRecord(
                start: start.addingTimeInterval(Double(round * records + at)), offsetMin: 60,
                body: .observation(code: heartRate, value: value), context: nil)
        }
    }

    /// User and system time of all threads: fields 14 and 15 of `/proc/self/stat`, in ticks of 10 ms.
    private func cpuMs() throws -> Int {
        let fields = try given(text("/proc/self/stat").split(separator: ")").last).split(separator: " ")
        return fields[11...12].compactMap { Int($0) }.reduce(0, +) * 10
    }

    private func said(_ what: String, _ ms: Int, _ calls: Int) { print("cost \(what) \(ms * 1_000 / calls)") }
}
