import Foundation
import Testing
import Vitalwitness

@testable import VitalwitnessPhone

/// Samples of a phone's store, read into the real vault.
@Suite struct HealthTests {
    private let start = instant("2025-03-01T07:00:00Z")

    private func sample(_ type: String, _ value: HealthValue, minutes: Double = 0, typed: Bool = false) -> HealthSample {
        HealthSample(
            type: type, value: value, start: start, end: start.addingTimeInterval(minutes * 60), offset: 3_600,
            source: "Watch & <\"co\">", device: ["name": "Apple Watch", "manufacturer": "Apple Inc.", "model": "Watch"],
            typed: typed)
    }

    private func quantity(_ name: String, _ number: Double, _ unit: String, minutes: Double = 0) -> HealthSample {
        sample("HKQuantityTypeIdentifier\(name)", .quantity(number, unit: unit), minutes: minutes)
    }

    private var pressure: HealthSample {
        sample("HKCorrelationTypeIdentifierBloodPressure", .together([
            quantity("BloodPressureSystolic", 128, "mmHg"), quantity("BloodPressureDiastolic", 82, "mmHg"),
        ]))
    }

    /// One of each type that is read, and what the vault has of it.
    private var all: [(HealthSample, String)] {
        [
            (quantity("HeartRate", 61, "count/min"), "loinc|8867-4 61 /min"),
            (quantity("RestingHeartRate", 54, "count/min"), "loinc|40443-4 54 /min"),
            (quantity("HeartRateVariabilitySDNN", 41.2345, "ms"), "loinc|80404-7 41.2345 ms"),
            (quantity("StepCount", 523, "count", minutes: 10), "loinc|55423-8 523 1"),
            (quantity("DistanceWalkingRunning", 0.73425, "km", minutes: 10), "loinc|55430-3 0.73425 km"),
            (quantity("ActiveEnergyBurned", 12.75, "kcal", minutes: 10), "loinc|41981-2 12.75 kcal"),
            (quantity("OxygenSaturation", 0.98, "%"), "loinc|2708-6 98 %"),
            (quantity("BodyTemperature", 36.6, "degC"), "loinc|8310-5 36.6 Cel"),
            (quantity("BloodGlucose", 5.4, "mmol<180.1558800000541>/L"), "loinc|15074-8 5.4 mmol/L"),
            (quantity("BodyMass", 82.4, "kg"), "loinc|29463-7 82.4 kg"),
            (quantity("Height", 178, "cm"), "loinc|8302-2 178 cm"),
            (quantity("BodyFatPercentage", 0.215, "%"), "loinc|41982-0 21.5 %"),
            (quantity("BodyMassIndex", 24.1, "count"), "loinc|39156-5 24.1 kg/m2"),
            (quantity("RespiratoryRate", 14, "count/min"), "loinc|9279-1 14 /min"),
            (sample("HKCategoryTypeIdentifierSleepAnalysis", .sleep(4), minutes: 25), "loinc|93831-6 25 min"),
            (sample("HKCategoryTypeIdentifierMindfulSession", .lasted, minutes: 10), "vw|mindful 10 min"),
            (pressure, "loinc|85354-9 loinc|8480-6 128 mm[Hg] loinc|8462-4 82 mm[Hg]"),
        ]
    }

    private func said(_ record: StoredRecord) -> String {
        guard case .observation(_, let value) = record.body else { return "another body" }
        let words: String = switch value {
        case .quantity(let number, let unit): "\(number.text) \(unit)"
        case .text(let text): text
        case .components(let parts): parts.map { "\($0.code) \($0.number.text) \($0.unit)" }.joined(separator: " ")
        case .waveform: "waveform"
        }
        return "\(record.code) \(words)"
    }

    private func stored(_ phone: Phone) async throws -> [StoredRecord] {
        var all: [StoredRecord] = []
        for try await page in phone.vault.pages(RecordQuery()) { all += page }
        return all
    }

    private func reader(_ store: Store, _ folder: String, page: Int = 2) -> HealthReader {
        HealthReader(
            store, marks: URL(fileURLWithPath: "\(folder)/marks"), folder: URL(fileURLWithPath: "\(folder)/passing"), page: page)
    }

    @Test("every type that is read is a record under its own code, with the number as measured")
    func types() async throws {
        #expect(Set(all.map(\.0.type)) == Set(healthTypes))
        for (sample, expected) in all {
            try await inFolder { folder in
                let phone = try await Phone.new(folder)
                let reading = try await reader(Store([sample]), folder).read(into: phone.vault, zone: utc)
                #expect(reading == HealthReading(added: 1), "\(sample.type)")
                let record = try given(try await stored(phone).first, sample.type)
                #expect(said(record) == expected)
                #expect(record.start == start && record.offsetMin == 60)
                #expect(record.origin == .vendorFile)
            }
        }
    }

    @Test("every type of Apple's that the catalogue of codes names is read, or is here named as not read")
    func catalogue() throws {
        let table = try text("\(repository)/core/domain/src/observation/catalogue.rs")
        let named = try Regex("HK[A-Z][A-Za-z]*TypeIdentifier[A-Za-z0-9]*")
        let types = Set(table.matches(of: named).map { String(table[$0.range]) })
        #expect(types.count > 15)
        let notRead: Set = [
            "HKDataTypeIdentifierHeartbeatSeries", "HKWorkoutTypeIdentifier",
            // in their correlation
            "HKQuantityTypeIdentifierBloodPressureSystolic", "HKQuantityTypeIdentifierBloodPressureDiastolic",
        ]
        #expect(types.subtracting(healthTypes) == notRead)
    }

    @Test("what the phone's own export brought is known when it comes from the store, and the other way round")
    func sameAsExport() async throws {
        try await inFolder { folder in
            let phone = try await Phone.new(folder)
            let export = """
                <?xml version="1.0" encoding="UTF-8"?>
                <HealthData locale="de_DE">
                <Record type="HKQuantityTypeIdentifierHeartRate" sourceName="Watch &amp; &lt;&quot;co&quot;&gt;" \
                device="&lt;&lt;HKDevice: 0x28&gt;, name:Apple Watch, manufacturer:Apple Inc., model:Watch, software:9.1&gt;" \
                unit="count/min" creationDate="2025-03-01 09:00:00 +0100" startDate="2025-03-01 08:00:00 +0100" \
                endDate="2025-03-01 08:00:00 +0100" value="61"/>
                </HealthData>
                """
            let file = "\(folder)/export.xml"
            try export.write(toFile: file, atomically: true, encoding: .utf8)
            let wall = WallClock(of: utc)
            #expect(try await phone.vault.importFile(file: file, wall: wall, progress: nil, stop: nil).added == 1)
            let reading = try await reader(Store([quantity("HeartRate", 61, "count/min")]), folder).read(into: phone.vault, zone: utc)
            #expect(reading == HealthReading(added: 0, known: 1))
        }
    }

    @Test("a reading goes on where the last one ended, page by page, and leaves no file behind")
    func goesOn() async throws {
        try await inFolder { folder in
            let phone = try await Phone.new(folder)
            let beats = (0..<5).map { beat in
                var sample = quantity("HeartRate", Double(60 + beat), "count/min")
                sample.start += Double(beat)
                sample.end = sample.start
                return sample
            }
            let store = Store(Array(beats.prefix(3)))
            #expect(try await reader(store, folder).read(into: phone.vault) == HealthReading(added: 3))
            store.samples.with { $0 = beats }
            store.deleted.with { $0 = 1 }
            let asked = store.pages.with { $0 }
            #expect(try await reader(store, folder).read(into: phone.vault) == HealthReading(added: 2, deletedThere: 1))
            #expect(store.given.with { $0 } == 5, "none was asked for twice")
            #expect(asked > 0)
            #expect(try FileManager.default.contentsOfDirectory(atPath: "\(folder)/passing").isEmpty)
            try reader(store, folder).forget()
            #expect(try await reader(store, folder).read(into: phone.vault) == HealthReading(added: 0, known: 5))
        }
    }

    @Test("a damaged mark reads all anew, and adds nothing twice")
    func damagedMarks() async throws {
        try await inFolder { folder in
            let phone = try await Phone.new(folder)
            let store = Store([pressure])
            #expect(try await reader(store, folder).read(into: phone.vault) == HealthReading(added: 1))
            try "{\"HK".write(toFile: "\(folder)/marks", atomically: true, encoding: .utf8)
            #expect(try await reader(store, folder).read(into: phone.vault) == HealthReading(added: 0, known: 1))
        }
    }

    @Test("a store or a vault that refuses leaves the mark where it was")
    func refusedReading() async throws {
        try await inFolder { folder in
            let phone = try await Phone.new(folder)
            let store = Store([pressure])
            try await phone.vault.lock()
            try await refused(with: "locked") { try await reader(store, folder).read(into: phone.vault) }
            #expect(try FileManager.default.contentsOfDirectory(atPath: "\(folder)/passing").isEmpty)
            try await phone.vault.unlock()
            store.fails.with { $0 = true }
            await #expect(throws: Unexpected.self) { try await reader(store, folder).read(into: phone.vault) }
            store.fails.with { $0 = false }
            #expect(try await reader(store, folder).read(into: phone.vault) == HealthReading(added: 1))
        }
    }

    @Test("a sample a person typed stays one, a time without a zone has the phone's, a meal is told")
    func details() async throws {
        try await inFolder { folder in
            let phone = try await Phone.new(folder)
            var glucose = quantity("BloodGlucose", 97, "mg/dL")
            (glucose.typed, glucose.offset, glucose.meal) = (true, nil, 2)
            let berlin = try given(TimeZone(identifier: "Europe/Berlin"))
            _ = try await reader(Store([glucose]), folder).read(into: phone.vault, zone: berlin)
            let record = try given(try await stored(phone).first)
            #expect(record.origin == .typed)
            #expect(record.offsetMin == 60 && record.start == start)
            #expect(record.context?.notes == ["meal": "after"])
        }
    }

    @Test("numbers are written with the fewest digits, times east and west of Greenwich and before 1970 too")
    func written() {
        var sample = quantity("BodyMass", 0.00001, "kg")
        (sample.start, sample.end, sample.offset) = (instant("1969-12-31T23:59:59Z"), instant("1970-01-01T00:00:00Z"), -12_600)
        let text = healthXml([sample], in: utc)
        #expect(text.contains("value=\"0.00001\""))
        #expect(text.contains("startDate=\"1969-12-31 20:29:59 -0330\"") && text.contains("endDate=\"1969-12-31 20:30:00 -0330\""))
        #expect(healthXml([quantity("StepCount", 1e16, "count")], in: utc).contains("value=\"10000000000000000\""))
        #expect(healthXml([], in: utc).hasSuffix("<HealthData>\n</HealthData>\n"))
    }
}

/// A phone's store: samples by type, in the order they came; a mark is how many were given.
private final class Store: HealthSource {
    let samples: Guarded<[HealthSample]>
    let deleted = Guarded(0)
    let pages = Guarded(0)
    let given = Guarded(0)
    let fails = Guarded(false)

    init(_ samples: [HealthSample]) {
        self.samples = Guarded(samples)
    }

    func page(of type: String, after mark: Data?, limit: Int) async throws -> HealthPage {
        if fails.with({ $0 }) { throw Unexpected() }
        let own = samples.with { $0.filter { $0.type == type } }
        let from = mark.flatMap { Int(String(decoding: $0, as: UTF8.self)) } ?? 0
        let found = Array(own.dropFirst(from).prefix(limit))
        pages.with { $0 += 1 }
        given.with { $0 += found.count }
        let gone = own.isEmpty || found.isEmpty ? 0 : deleted.with { count in
            defer { count = 0 }
            return count
        }
        return HealthPage(samples: found, deleted: gone, mark: Data("\(from + found.count)".utf8))
    }
}
