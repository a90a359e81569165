import Foundation
import Testing
import Vitalwitness

@Suite struct EntriesTests {
    private let start = instant("2026-03-05T08:30:00Z")
    private let some = String(repeating: "ab", count: 32)
    private let berlin = TimeZone(identifier: "Europe/Berlin")!

    private func new(_ body: Body, _ context: Context? = nil) -> NewRecord {
        NewRecord(start: start, offsetMin: 60, body: body, context: context)
    }

    private func exact(_ text: String) -> ExactNumber { ExactNumber(text)! }

    @Test("an entry of every type comes back as it went in, digit by digit")
    func everyType() async throws {
        try await inFolder { folder in
            let vault = try await Phone.new(folder).vault
            let text = NoteText.text(text: "healed well")
            let file = NoteText.file(hash: some, mediaType: "application/pdf", bytes: 4_096)
            let money = Money(amount: exact("1250.00"), currency: "EUR")
            let pressure = [
                Component(code: "loinc|8480-6", number: 128, unit: "mm[Hg]"),
                Component(code: "loinc|8462-4", number: exact("82.50"), unit: "mm[Hg]"),
            ]
            let bodies: [Body] = [
                .observation(code: "loinc|29463-7", value: .quantity(number: exact("82.40"), unit: "kg")),
                .observation(code: "loinc|85354-9", value: .components(parts: pressure)),
                .observation(code: "vw|mood", value: .text(text: "calm")),
                .observation(code: "loinc|8637-1", value: .waveform(root: some, count: 900, periodMs: 2, unit: "ms")),
                .medicine(name: "ibuprofen", dose: .quantity(number: 400, unit: "mg"), status: .taken),
                .medicine(name: "drops", dose: .text(text: "three"), status: .planned),
                .medicine(name: "aspirin", dose: .unsaid, status: .stopped),
                .note(kind: "dentistry", text: text),
                .note(kind: "radiology", text: file),
                .episode(kind: "orthopaedics", title: "left knee"),
                .offer(plan: "basic", premium: money, period: "mo", text: text),
                .cover(policy: "P-77", offer: some, text: file),
                .claim(kind: "dentistry", cover: some, amount: money),
                .decision(kind: "dentistry", claim: some, status: .inPart, amount: money),
                .decision(kind: "dentistry", claim: some, status: .refused, amount: nil),
            ]
            let added = try await vault.addMany(records: bodies.map { new($0) })
            for (one, body) in zip(added, bodies) {
                let found = try await vault.record(id: one.id)
                #expect(found.body == body)
                #expect(found.start == start)
                #expect(found.offsetMin == 60)
                #expect(found.origin == .typed)
            }
            #expect(Set(try await vault.counts().map(\.category)) == [1, 3])
            #expect(try await vault.status().open == UInt64(bodies.count))
            let context = Context(episode: added[9].episodeId, notes: ["arm": "left"])
            let within = try await vault.add(record: new(bodies[0], context))
            let query = RecordQuery(episode: added[9].episodeId)
            #expect(try await vault.records(query: query).records.map(\.id) == [within.id])
            try await vault.check()
        }
    }

    @Test("what is typed is read as people write it, and what cannot be is refused beside its field")
    func typed() async throws {
        try await inFolder { folder in
            let vault = try await Phone.new(folder).vault
            var pressure = try typedEntry(name: "blood-pressure", text: "120/80", at: start, in: berlin)
            #expect(pressure.start == start)
            #expect(pressure.offsetMin == 60)
            let weight = try typedEntry(name: "weight", text: "82.40", at: start, in: berlin)
            #expect(weight.body == .observation(code: "loinc|29463-7", value: .quantity(number: exact("82.40"), unit: "kg")))
            let fast = try typedEntry(name: "heart-rate", text: "300", at: start, in: berlin)
            #expect(try await vault.add(record: fast).warnings == ["out_of_range"])
            let refusal = try await refused(with: "pair_needed") {
                try typedEntry(name: "blood-pressure", text: "120", at: start, in: berlin)
            }
            #expect(refusal == .InvalidInput(field: "text", code: "pair_needed"))
            try await refused(with: "name_unknown") { try typedEntry(name: "happiness", text: "1") }
            pressure.end = start.addingTimeInterval(-1)
            try await refused(with: "end_before_start") { try await vault.add(record: pressure) }
            pressure.end = nil
            pressure.offsetMin = 2_000
            try await refused(with: "offset_out_of_range") { try await vault.add(record: pressure) }
            try await refused(with: "name_malformed") { try await vault.record(id: "no hash") }
            try await refused(with: "not_found") { try await vault.record(id: some) }
            let huge = new(.observation(code: heartRate, value: .quantity(number: exact("1e999"), unit: "/min")))
            try await refused(with: "number_needed") { try await vault.add(record: huge) }
            #expect(kinds().count > 30)
            #expect(kinds().first { $0.name == "heart-rate" }?.code == heartRate)
        }
    }

    @Test("a number keeps its digits, a day its date, and a zone its changes")
    func names() throws {
        for text in ["82.40", "-3", "+3", "0.0001", "5e3", "5.0E-3", "12345678901234567890.123"] { #expect(ExactNumber(text)?.text == text) }
        for text in ["", "-", "1,5", ".5", "5.", "5.e3", "5e", "5e+", "--5", "5.5.5", "5 ", " 5", "NaN", "1 2", "0x10", "٣", "5\n", "5\u{301}"] { #expect(ExactNumber(text) == nil) }
        #expect(ExactNumber(Decimal.nan) == nil)
        #expect(ExactNumber(Decimal(string: "61.5")!) == exact("61.5"))
        #expect(exact("5.40") != exact("5.4"))
        #expect(exact("5.40").decimal == exact("5.4").decimal)
        let day = try given(LocalDay(year: 2026, month: 3, day: 5))
        #expect("\(day) \(day.adding(days: 27))" == "2026-03-05 2026-04-01")
        #expect(LocalDay(year: 2026, month: 2, day: 30) == nil)
        #expect(LocalDay(year: 1970, month: 1, day: 1)?.daysSince1970 == 0)
        #expect("\(LocalDay(instant("1969-12-31T23:30:00Z"), in: utc)) \(LocalDay(instant("2026-03-04T23:30:00Z"), in: berlin))" == "1969-12-31 2026-03-05")
        #expect(day < day.adding(days: 1))
        let wall = WallClock(of: berlin, from: instant("2026-01-01T00:00:00Z"), to: instant("2027-01-01T00:00:00Z"))
        let summer = OffsetChange(from: instant("2026-03-29T01:00:00Z"), offsetMin: 120)
        let winter = OffsetChange(from: instant("2026-10-25T01:00:00Z"), offsetMin: 60)
        #expect(wall == WallClock(offsetMin: 60, changes: [summer, winter]))
    }

    @Test("a replaced record says by what, one taken back counts no more, an erased one is gone")
    func replaced() async throws {
        try await inFolder { folder in
            let vault = try await Phone.new(folder).vault
            func weight(_ text: String) throws -> NewRecord { try typedEntry(name: "weight", text: text, at: start, in: utc) }
            let first = try await vault.add(record: weight("82.4"))
            let second = try await vault.replace(id: first.id, record: weight("81.9"))
            #expect(try await vault.record(id: first.id).correctedBy == second.id)
            let third = try await vault.add(record: weight("90"))
            _ = try await vault.takeBack(id: third.id, reason: "the neighbour's")
            #expect(try await vault.record(id: third.id).takenBack)
            let day = LocalDay(start, in: utc)
            let bars = try await vault.chart(code: "loinc|29463-7", from: day, to: day.adding(days: 1), period: .day)
            #expect(bars.map(\.count) == [1])
            #expect(bars.map(\.least) == [exact("81.9")])
            try await vault.erase(id: second.id)
            try await refused(with: "not_found") { try await vault.record(id: second.id) }
            #expect(try await vault.records(query: RecordQuery(withTakeBacks: true)).records.count == 3)
        }
    }

    @Test("charts are summed in the vault by day, week and month")
    func charts() async throws {
        try await inFolder { folder in
            let vault = try await Phone.new(folder).vault
            let thursday = instant("2026-01-29T00:00:00Z")
            let day = LocalDay(thursday, in: utc)
            func at(_ days: Int, _ hour: Int) -> Date { thursday.addingTimeInterval(Double(days * 24 + hour) * 3_600) }
            let beats = try (0..<10).map { try typedEntry(name: "heart-rate", text: "\(60 + $0)", at: at($0, 12), in: utc) }
            let walks = try (0..<10).map { number in
                var walk = try typedEntry(name: "steps", text: "\(1_000 + number)", at: at(number, 9), in: utc)
                walk.end = at(number, 10)
                return walk
            }
            _ = try await vault.addMany(records: beats + walks)
            func bars(_ period: Period) async throws -> [Bar] {
                try await vault.chart(code: heartRate, from: day, to: day.adding(days: 10), period: period)
            }
            #expect(try await bars(.day).count == 10)
            let weeks = try await bars(.week)
            #expect(weeks.map(\.firstDay.description) == ["2026-01-26", "2026-02-02"])
            #expect(weeks.map(\.count) == [4, 6])
            #expect(weeks[0].mean.text == "61.50")
            let months = try await bars(.month)
            #expect(months.map(\.firstDay.description) == ["2026-01-01", "2026-02-01"])
            #expect(months.map { "\($0.least) to \($0.greatest)" } as [String] == ["60 to 62", "63 to 69"])
            let steps = try given(kinds().first { $0.name == "steps" })
            #expect(steps.addsUp)
            let totals = try await vault.totals(code: steps.code, from: day, to: day.adding(days: 10), period: .month)
            #expect(totals.map(\.total.text) == ["3003", "7042"])
            #expect(totals.map(\.days) == [3, 7])
            let lines = try await vault.line(code: heartRate, from: beats[0].start, to: beats[4].start)
            #expect(lines.map(\.numbers) == [[60, 61, 62, 63]])
            #expect(lines[0].starts.count == 4)
        }
    }

    @Test("a hundred thousand records are paged, each once and newest first")
    func paged() async throws {
        try await inFolder { folder in
            let vault = try await Phone.new(folder).vault
            let count = 100_000
            for first in stride(from: 0, to: count, by: 5_000) {
                let records = (first..<first + 5_000).map { number in
                    let value = Value.quantity(number: ExactNumber(integerLiteral: 50 + number % 60), unit: "/min")
                    let at = start.addingTimeInterval(Double(number))
                    return NewRecord(start: at, offsetMin: 0, body: .observation(code: heartRate, value: value))
                }
                _ = try await vault.addMany(records: records)
            }
            var (seen, pages, last, ordered) = (0, 0, Date.distantFuture, true)
            for try await page in vault.pages(RecordQuery(code: heartRate, limit: 5_000)) {
                for record in page {
                    ordered = ordered && record.start < last
                    last = record.start
                }
                seen += page.count
                pages += 1
            }
            #expect([seen, pages] as [Int] == [count, 20] as [Int])
            #expect(ordered)
            try await refused(with: "limit_invalid") { try await vault.records(query: RecordQuery(limit: 0)) }
            let day = LocalDay(start, in: utc)
            let bars = try await vault.chart(code: heartRate, from: day, to: day.adding(days: 27), period: .day)
            #expect(bars.map(\.count).reduce(0, +) == UInt64(count))
        }
    }

    @Test("language and units stay, and only units that convert are taken")
    func settings() async throws {
        try await inFolder { folder in
            let vault = try await Phone.new(folder).vault
            let none = try await vault.settings()
            #expect(none.language == nil && none.units.isEmpty)
            let wanted = Settings(language: "pt-BR", units: ["loinc|29463-7": "[lb_av]"])
            try await vault.setSettings(settings: wanted)
            try await vault.lock()
            #expect(try await !vault.isOpen())
            try await vault.unlock()
            #expect(try await vault.settings() == wanted)
            try await refused(with: "not_found") {
                try await vault.setSettings(settings: Settings(language: nil, units: ["loinc|29463-7": "Cel"]))
            }
            func weight(_ number: ExactNumber, in unit: String) throws -> ExactNumber {
                try convertUnit(code: "loinc|29463-7", number: number, from: "kg", to: unit, places: 1)
            }
            #expect(try weight(exact("82.4"), in: "[lb_av]").text == "181.7")
            try await refused(with: "unit_wrong") { try weight(1, in: "Cel") }
            #expect(unitLabel(unit: "mm[Hg]") == "mmHg")
            #expect(try await !vault.account().isEmpty)
        }
    }
}
