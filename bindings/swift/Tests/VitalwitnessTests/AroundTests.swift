import Foundation
import Testing
import Vitalwitness

/// What happens around the calls: cancelled ones, callbacks, devices, long use.
@Suite struct AroundTests {
    private let words = (Array(repeating: "abandon", count: 23) + ["art"]).joined(separator: " ")
    private let any = Network(metered: false, lowData: false)

    @Test("a task that is cancelled at any moment of a call still has its result, and the vault is whole")
    func cancelledTasks() async throws {
        try await inFolder { folder in
            let site = try await Site("\(folder)/site")
            let phone = try await Phone.new(folder, fetchCloud(url: site.url))
            let (vault, any) = (phone.vault, any)
            try await phone.confirmKit()
            var ids: [RecordId] = []
            for beat in 1...20 { try await ids.append(phone.typed("heart-rate", "\(60 + beat)").id) }
            // cancelled before it began, then after more and more steps of other tasks
            for steps in [0, 1, 2, 5, 20, 100, 1_000] {
                let adding = Task { try await phone.typed("steps", "\(steps)").id }
                let syncing = Task {
                    _ = try await vault.seal(which: .all)
                    return try await vault.sync(budgetMs: 60_000, network: any)
                }
                for _ in 0..<steps { await Task.yield() }
                adding.cancel()
                syncing.cancel()
                try await ids.append(adding.value)
                #expect(try await syncing.value.retryAt == nil)
            }
            _ = try await vault.seal(which: .all)
            try await phone.syncAll()
            for id in ids { #expect(try await !vault.receipt(id: id, disclosure: .nothing).isEmpty) }
            try await vault.check()
        }
    }

    @Test("pages end after the page at which the task was cancelled")
    func cancelledPages() async throws {
        try await inFolder { folder in
            let phone = try await Phone.new(folder)
            for beat in 0..<5 { try await phone.typed("heart-rate", "\(60 + beat)") }
            let reading = Task {
                var seen = 0
                do {
                    for try await page in phone.vault.pages(RecordQuery(limit: 1)) {
                        seen += page.count
                        if seen == 2 { withUnsafeCurrentTask { $0?.cancel() } }
                    }
                } catch is CancellationError { return seen }
                return -1
            }
            #expect(try await reading.value == 2)
        }
    }

    @Test("a sync ends at its budget, and the next one goes on")
    func budget() async throws {
        try await inFolder { folder in
            let site = try await Site("\(folder)/site")
            let phone = try await Phone.new(folder, fetchCloud(url: site.url))
            try await phone.confirmKit()
            try await phone.typed("heart-rate", "61")
            _ = try await phone.vault.seal(which: .all)
            let began = Date()
            let report = try await phone.vault.sync(budgetMs: 1, network: any)
            #expect(!report.done)
            #expect(Date().timeIntervalSince(began) < 20)
            try await phone.syncAll()
            #expect(try await phone.vault.status().witnessed == 1)
        }
    }

    @Test("changes are told from threads of the library, gathered, and an observer that throws harms nothing")
    func changes() async throws {
        try await inFolder { folder in
            let phone = try await Phone.new(folder)
            let (told, tell) = AsyncStream<[Change]>.makeStream()
            let observer = Observing(tell)
            phone.vault.observe(observer: observer)
            for count in 0..<50 { try await phone.typed("steps", "\(count)") }
            try await phone.vault.setSettings(settings: Settings(language: "de", units: [:]))
            var seen = Set<Change>()
            var reports = told.makeAsyncIterator()
            while !seen.isSuperset(of: [.records, .settings]) { try await seen.formUnion(given(reports.next())) }
            try await phone.typed("steps", "7")
            #expect(await reports.next() == [.records])
            #expect(observer.threads == ["vitalwitness"])
            #expect(observer.calls < 25, "fifty changes in \(observer.calls) calls")
            phone.vault.observe(observer: nil)
            let first = Task {
                for await changes in phone.vault.changes() { return changes }
                return []
            }
            // the stream is not begun at once
            let ended = Guarded(false)
            let telling = Task { while !ended.with({ $0 }) { try await phone.typed("mood", "calm") } }
            #expect(await first.value == [.records])
            ended.with { $0 = true }
            try await telling.value
        }
    }

    @Test("an import tells how far it is, adds each record once, and ends when it is stopped")
    func importing() async throws {
        try await inFolder { folder in
            let vault = try await Phone.new(folder).vault
            let (file, wall) = ("\(folder)/export.csv", WallClock(of: TimeZone(secondsFromGMT: 3_600)!))
            let (start, stamp) = (instant("2026-01-01T00:00:00Z"), ISO8601DateFormatter())
            let rows = (0..<20_000).map { number in
                let at = stamp.string(from: start.addingTimeInterval(Double(number * 60)))
                return "\(heartRate),\(at),,\(60 + number % 40),/min,file,"
            }
            let csv = (["code,start,end,value,unit,source,note"] + rows).joined(separator: "\n") + "\n"
            try csv.write(toFile: file, atomically: true, encoding: .utf8)
            let (already, progress) = (ImportStop(), Reading())
            already.stop()
            let none = try await vault.importFile(file: file, wall: wall, progress: progress, stop: already)
            #expect(none.end == .stopped)
            let stop = ImportStop()
            let midway = Reading { stop.stop() }
            let part = try await vault.importFile(file: file, wall: wall, progress: midway, stop: stop)
            #expect(part.end == .stopped || part.end == .complete)
            let whole = try await vault.importFile(file: file, wall: wall, progress: progress, stop: nil)
            #expect(whole.end == .complete)
            #expect(whole.read == 20_000)
            #expect(whole.skipped == [])
            #expect(try await vault.counts().map(\.records) == [20_000])
            #expect(progress.calls > 0)
            let again = try await vault.importFile(file: file, wall: wall, progress: nil, stop: nil)
            #expect([again.added, again.duplicates] == [0, 20_000])
            let nothing = try await vault.importFile(file: "\(folder)/nothing", wall: wall, progress: nil, stop: nil)
            #expect(nothing.end == .failed(code: "import_read"))
        }
    }

    @Test("a strap is found, paired with who wears it, listened to, and forgotten")
    func strap() async throws {
        try await inFolder { folder in
            let vault = try await Phone.new(folder).vault
            try await refused(with: "radio_off") {
                try await vault.scan(forMs: 10, listener: Finding(AsyncStream<DeviceOffer>.makeStream().continuation))
            }
            let strap = Strap(vault)
            func pair(_ wearer: String) async throws -> Sensor {
                try await vault.pairSensor(
                    device: Strap.device, wearer: wearer, user: .unsaid, keepSerial: false, wall: WallClock(of: utc))
            }
            try await refused(with: "wearer_not_confirmed") { try await pair(" ") }
            for (error, code) in [
                (RadioError.NotAllowed, "radio_not_allowed"), (.Off, "radio_off"), (.NeedsBonding, "needs_bonding"),
            ] {
                strap.connectFails(error)
                try await refused(with: code) { try await pair("Ada") }
            }
            strap.connectFails(nil)
            let sensor = try await strap.pair("Ada")
            #expect(sensor.wearer == "Ada")
            #expect(sensor.battery == 88)
            #expect(try await strap.wear(sensor, 5) == 5)
            let records = try await vault.records(query: RecordQuery(code: heartRate)).records
            #expect(records.count == 5)
            #expect(try await vault.records(query: RecordQuery(code: "loinc|8637-1")).records.count == 5)
            #expect(Set(records.map(\.device)) == [sensor.id])
            #expect(records[0].origin == .unbonded)
            try await vault.setSensorUser(sensor: sensor.id, user: .number(number: 2))
            #expect(try await vault.sensors().map(\.user) == [.number(number: 2)])
            try await vault.forgetSensor(sensor: sensor.id)
            #expect(try await vault.sensors().isEmpty)
            #expect(try await !vault.records(query: RecordQuery()).records.isEmpty)
            let end = Date(timeIntervalSinceNow: 5)
            while strap.scans != 0 && Date() < end { await Task.yield() }
            #expect(strap.scans == 0)
        }
    }

    @Test("opening, using and closing ten thousand times does not grow")
    func cycles() async throws {
        try await inFolder { folder in
            // 200 openings of a vault and 10,000 of a small object of the library; with VW_SLOW=1 10,000 vaults
            let slow = ProcessInfo.processInfo.environment["VW_SLOW"] == "1"
            let vaults = slow ? 10_000 : 200
            let keys = SoftKeyStore()
            do {
                let made = try await createVault(path: "\(folder)/vault", log: nil, keyStore: keys, limits: limits)
                _ = try await made.vault.add(record: typedEntry(name: "heart-rate", text: "61"))
            }
            func cycle() async throws {
                let vault = try await openVault(path: "\(folder)/vault", keyStore: keys, limits: limits)
                #expect(try await vault.records(query: RecordQuery()).records.count == 1)
                try await vault.lock()
                #expect(try RecoveryKit.read(text: words).qrText().hasSuffix(words))
                for _ in 0..<(slow ? 1 : 50) { ImportStop().stop() }
            }
            // caches fill first; what leaks grows by every round
            var sizes: [Int] = []
            for _ in 0..<4 {
                for _ in 0..<vaults / 4 { try await cycle() }
                try sizes.append(resident())
            }
            #expect(sizes[3] - sizes[2] < 8_000, "KiB after each round: \(sizes)")
            #expect(try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count < 400)
        }
    }

    @Test("the cloud that does not answer, or is none, is said with a code")
    func noCloud() async throws {
        try await inFolder { folder in
            try await refused(with: "cloud_url") { try await fetchCloud(url: "ftp://example") }
            try await refused(with: "offline") { try await fetchCloud(url: "http://127.0.0.1:9") }
            let phone = try await Phone.new(folder)
            let vault = phone.vault
            try await phone.confirmKit()
            try await refused(with: "not_connected") { try await phone.syncAll() }
            try await refused(with: "not_connected") { try await vault.shareCode(category: 1) }
            #expect(try await vault.cloud() == nil)
            let nonsense = Array(repeating: "nonsense", count: 24).joined(separator: " ")
            try await refused(with: "kit_word") { try RecoveryKit.read(text: nonsense) }
            try await refused(with: "kit_word_count") { try await vault.confirmKit(words: ["one"]) }
            let other = try RecoveryKit.read(text: words)
            try await refused(with: "kit_other_account") { try await vault.checkKit(kit: other) }
            try await refused(with: "not_found") { try await vault.deny(request: String(repeating: "00", count: 32)) }
            try "nothing".write(toFile: "\(folder)/no.backup", atomically: true, encoding: .utf8)
            try await refused(with: "not_backup") {
                try await restoreFromBackup(
                    file: "\(folder)/no.backup", path: "\(folder)/x", kit: other, log: nil, keyStore: SoftKeyStore(),
                    limits: limits)
            }
            try await vault.tryAgain(item: 1)
            for code in everyCode() { #expect(!advice(code: code).words.isEmpty, "\(code)") }
            #expect(advice(code: "key_lost").step == .restore)
            #expect(advice(code: "never heard of").step == .report)
        }
    }

    /// Memory of the process in KiB.
    private func resident() throws -> Int {
        let line = try text("/proc/self/status").split(separator: "\n").first { $0.hasPrefix("VmRSS") }
        return try given(Int(given(line).filter(\.isNumber)))
    }
}

private final class Observing: Observer {
    private let tell: AsyncStream<[Change]>.Continuation
    private let seen = Guarded((calls: 0, threads: Set<String>()))

    var calls: Int { seen.with { $0.calls } }
    var threads: Set<String> { seen.with { $0.threads } }

    init(_ tell: AsyncStream<[Change]>.Continuation) {
        self.tell = tell
    }

    func changed(changes: [Change]) throws {
        let thread = try text("/proc/thread-self/comm").trimmingCharacters(in: .whitespacesAndNewlines)
        defer { tell.yield(changes) }
        let first = seen.with { seen in
            seen.threads.insert(thread)
            seen.calls += 1
            return seen.calls == 1
        }
        if first { throw Unexpected() }
    }
}

private final class Reading: ImportProgress {
    private let count = Guarded(0)
    private let then: @Sendable () -> Void

    var calls: Int { count.with { $0 } }

    init(_ then: @escaping @Sendable () -> Void = {}) {
        self.then = then
    }

    func read(bytes: UInt64, total: UInt64?) throws {
        count.with { $0 += 1 }
        then()
        throw Unexpected()
    }
}
