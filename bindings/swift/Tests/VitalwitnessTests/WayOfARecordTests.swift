import Foundation
import Testing
import Vitalwitness

@Suite struct WayOfARecordTests {
    @Test("a typed value is sealed, synced with a real cloud, and its receipt holds")
    func wayOfARecord() async throws {
        try await inFolder { folder in
            let site = try await Site("\(folder)/site")
            let cloud = try await fetchCloud(url: site.url)
            let phone = try await Phone.new(folder, cloud)
            let vault = phone.vault
            let added = try await phone.typed("heart-rate", "62")
            try await refused(with: "kit_not_confirmed") { try await phone.syncAll() }
            try await phone.confirmKit()
            try await refused(with: "not_logged") { try await vault.receipt(id: added.id, disclosure: .whole) }
            #expect(try await vault.seal(which: .all) == 1)
            try await phone.syncAll()
            let receipt = try await vault.receipt(id: added.id, disclosure: .whole)
            #expect(try holds(verifyReceipt(receipt: receipt, disclosure: nil, trust: cloud.trust)))
            #expect(try receiptFacts(receipt: receipt, trust: cloud.trust).record == added.id)
            var changed = receipt
            changed[changed.count / 2] &+= 1
            #expect(try !holds(verifyReceipt(receipt: changed, disclosure: nil, trust: cloud.trust)))
            try await vault.lock()
            try await refused(with: "locked") { try await vault.record(id: added.id) }
            try await vault.unlock()
            let found = try await vault.records(query: RecordQuery(limit: 10)).records
            #expect(found.map(\.stage) == [.witnessed])
            #expect(found[0].body == .observation(code: heartRate, value: .quantity(number: 62, unit: "/min")))
            #expect(found[0].start <= Date())
        }
    }
}

func holds(_ verdict: Verdict) -> Bool {
    if case .holds = verdict { true } else { false }
}
