import Foundation
import Testing
import Vitalwitness

/// The way of a person through all of it, on the real library, a real cloud and a real clinic's program.
@Suite struct JourneyTests {
    private let now = Date(timeIntervalSince1970: Date().timeIntervalSince1970.rounded(.down))
    private var month: String { String("\(LocalDay(now, in: utc))".prefix(7)) }

    @Test("from the first entry to the second device")
    func journey() async throws {
        try await inFolder { folder in
            let site = try await Site("\(folder)/site")
            let cloud = try await fetchCloud(url: site.url)
            let phone = try await Phone.new(folder, cloud)
            try await phone.confirmKit()
            let vault = phone.vault

            // first entry, import, a strap
            let first = try await phone.typed("weight", "82.4", now)
            try csv().write(toFile: "\(folder)/readings.csv", atomically: true, encoding: .utf8)
            let imported = try await vault.importFile(
                file: "\(folder)/readings.csv", wall: WallClock(of: utc), progress: nil, stop: nil)
            #expect(imported.end == .complete)
            #expect(imported.added == 40)
            let strap = Strap(vault)
            let sensor = try await strap.pair("Ada")
            #expect(try await strap.wear(sensor, 3) > 0)

            // seal, sync, receipts
            #expect(try await vault.seal(which: .all) > 0)
            try await phone.syncAll()
            #expect(try await vault.quota().used ?? 0 > 0)
            let status = try await vault.status()
            #expect(status.open + status.queued == 0)
            var receipts: [RecordId: Data] = [:]
            for id in try await ids(vault) { receipts[id] = try await vault.receipt(id: id, disclosure: .whole) }
            #expect(receipts.count >= 44)
            #expect(try allHold(receipts, cloud))
            let facts = try receiptFacts(receipt: given(receipts[first.id]), trust: cloud.trust)
            #expect(try given(facts.existedBy) >= now.addingTimeInterval(-5))

            let grant = try await sharing(folder, site, phone)
            try await revoking(folder, site, phone, grant, cloud)
            try await proofs(vault, first.id, cloud)
            let (newPhone, restored) = try await newPhone(folder, phone, cloud, receipts)
            #expect(try allHold(receipts, cloud))
            let again = try await restored.receipt(id: first.id, disclosure: .whole)
            #expect(try holds(verifyReceipt(receipt: again, disclosure: nil, trust: cloud.trust)))
            try await secondDevice(folder, site, newPhone, cloud)

            // the end
            try await restored.deleteAccount(kit: newPhone.kit)
            try await restored.eraseEverything()
            try await refused(with: "no_vault") {
                try await openVault(path: "\(folder)/restored", keyStore: newPhone.keys, limits: limits)
            }
            #expect(newPhone.keys.aliases.isEmpty)
        }
    }

    /// A clinic asks twice: no, and yes with one code left out, asked for presence each time; it reads the rest.
    private func sharing(_ folder: String, _ site: Site, _ phone: Phone) async throws -> ShortId {
        let vault = phone.vault
        let code = try await site.clinicCode()
        #expect(try await site.clinic(["enrol", "--cloud", site.url, "--code", code, "--name", "Dr Low"]) == 0)
        let share = try await vault.shareCode(category: 1)
        try await phone.syncAll()
        #expect(!share.typed.isEmpty)
        for codes in ["heart-rate,weight", "mood"] {
            let ask = ["request", share.text, "--from", month, "--to", month, "--purpose", "Check-up", "--codes", codes]
            #expect(try await site.clinic(ask) == 0)
        }
        try await phone.syncAll()
        let requests = try await vault.requests()
        let mood = try given(requests.first { $0.scope[0].codes == ["vw|mood"] })
        let asked = try given(requests.first { $0.scope[0].codes?.count == 2 })
        #expect(asked.organisation.name == "Seehof Clinic")
        #expect(asked.kind == .provider)
        #expect(asked.fromQr)
        #expect(try await vault.refusedRequests() == [])
        let rows = Dictionary(asked.preview.map { ($0.code, $0.records) }) { $0 + $1 }
        #expect(rows["loinc|29463-7"] == 1)
        #expect(rows[heartRate] ?? 0 >= 43)

        let asks = Guarded(0)
        phone.keys.before { _, present in if present { asks.with { $0 += 1 } } }
        try await vault.deny(request: mood.id)
        let weight = LeaveOut(codes: ["loinc|29463-7"], months: [])
        let grant = try await vault.grant(request: asked.id, leaveOut: weight, until: now.addingTimeInterval(86_400))
        #expect(asks.with { $0 } >= 2)
        phone.keys.before(nil)
        try await refused(with: "answered") {
            try await vault.grant(
                request: asked.id, leaveOut: LeaveOut(codes: [], months: []), until: now.addingTimeInterval(9))
        }
        try await phone.syncAll()
        #expect(try await vault.grants().first { $0.id == grant }?.state == .live)
        #expect(try await site.clinic(["fetch", grant, "--out", "\(folder)/ward"]) == 0)
        let read = try text("\(folder)/ward/records.csv")
        #expect(read.contains("8867-4"))
        #expect(!read.contains("29463-7"))
        return grant
    }

    /// Revoked: told first, and the clinic gets no more; the activity says all of it.
    private func revoking(_ folder: String, _ site: Site, _ phone: Phone, _ grant: ShortId, _ cloud: CloudSettings) async throws {
        let vault = phone.vault
        phone.keys.before { _, present in if present { throw KeyStoreError.Cancelled } }
        try await refused(with: "key_cancelled") { try await vault.revoke(grant: grant) }
        phone.keys.before(nil)
        try await vault.revoke(grant: grant)
        try await phone.syncAll()
        #expect(try await site.clinic(["fetch", grant, "--out", "\(folder)/again"]) == 4)
        try await phone.syncAll()
        let deeds = try await vault.activity(from: Date(timeIntervalSince1970: 0), to: now.addingTimeInterval(3_600))
        for deed in [Deed.asked, .granted, .denied, .revoked] { #expect(deeds.contains { $0.deed == deed }, "\(deed)") }
        #expect(deeds.contains { if case .accessed(let records) = $0.deed { records ?? 0 >= 43 } else { false } })
        let event = try given(deeds.first { $0.deed == .granted }?.event)
        let receipt = try await vault.eventReceipt(event: event)
        #expect(try holds(verifyReceipt(receipt: receipt, disclosure: nil, trust: cloud.trust)))
    }

    /// A backup becomes a new phone's vault.
    private func newPhone(
        _ folder: String, _ phone: Phone, _ cloud: CloudSettings, _ receipts: [RecordId: Data]
    ) async throws -> (Phone, Vault) {
        try await phone.vault.backup(file: "\(folder)/backup.vw")
        try await phone.vault.lock()
        let (keys, kit) = (SoftKeyStore(), try RecoveryKit.read(text: phone.kit.words()))
        let restored = try await restoreFromBackup(
            file: "\(folder)/backup.vw", path: "\(folder)/restored", kit: kit, log: cloud.log, keyStore: keys, limits: limits)
        try await restored.connect(cloud: cloud, kit: kit)
        try await restored.checkKit(kit: kit)
        #expect(try await ids(restored) == Set(receipts.keys))
        let newPhone = Phone(keys: keys, vault: restored, kit: kit)
        try await newPhone.typed("heart-rate", "61", now.addingTimeInterval(1))
        _ = try await restored.seal(which: .all)
        try await newPhone.syncAll()
        return (newPhone, restored)
    }

    /// A second device converges, then is ended; the cloud and the kit alone give all of it too.
    private func secondDevice(_ folder: String, _ site: Site, _ phone: Phone, _ cloud: CloudSettings) async throws {
        let (restored, kit) = (phone.vault, phone.kit)
        let second = try await newDevice(keyStore: SoftKeyStore(), limits: limits)
        let answer = try await restored.pairDeviceOfAccount(code: second.code(), kit: kit)
        let joined = try await second.finish(path: "\(folder)/second", answer: answer, url: site.url)
        #expect(try await ids(joined.vault) == ids(restored))
        try await restored.learnAccountDevices()
        let device = try given(try await restored.accountDevices().last { !$0.ended })
        try await restored.endAccountDevice(device: device.id, kit: kit)
        try await phone.syncAll()
        #expect(try await restored.accountDevices().contains { $0.id == device.id && $0.ended })
        let pulled = try await restoreFromCloud(
            path: "\(folder)/pulled", kit: kit, cloud: cloud, keyStore: SoftKeyStore(), limits: limits)
        #expect(try await ids(pulled.vault) == ids(restored))
    }

    private func proofs(_ vault: Vault, _ id: RecordId, _ cloud: CloudSettings) async throws {
        let shown = try await vault.receipt(id: id, disclosure: .fields(slots: [1]))
        #expect(try receiptFacts(receipt: shown, trust: cloud.trust).shown == [1])
        let bare = try await vault.receipt(id: id, disclosure: .nothing)
        let drawn = String(decoding: try exportReceipt(receipt: bare, form: .qrSvg, trust: nil), as: UTF8.self)
        #expect(drawn.hasPrefix("<svg") || drawn.hasPrefix("<?xml"))
        let png = try exportReceipt(receipt: bare, form: .qrPng(scale: 4), trust: nil)
        #expect(png[1..<4] == Data("PNG".utf8))
        for form in [ReceiptForm.chainpointJson, .chainpointBinary, .tlogProof] {
            #expect(try !exportReceipt(receipt: shown, form: form, trust: nil).isEmpty)
        }
        let cose = try await vault.receiptForCose(id: id, disclosure: .whole)
        #expect(try !exportReceipt(receipt: cose, form: .cose, trust: cloud.trust).isEmpty)
        let page = try exportReceipt(receipt: shown, form: .certificate(language: "de"), trust: cloud.trust)
        #expect(String(decoding: page, as: UTF8.self).contains("<html"))
        try await refused(with: "needs_trust") {
            try exportReceipt(receipt: shown, form: .certificate(language: "de"), trust: nil)
        }
        try await refused(with: "bad_trust") { try verifyReceipt(receipt: shown, disclosure: nil, trust: "{}") }
        try await refused(with: "MALFORMED") { try receiptOfQr(text: "not base45!") }
        let items = try await ids(vault, 20).map { BundleItem(id: $0, disclosure: .whole) }
        #expect(try holds(verifyBundle(bundle: await vault.bundle(items: items), trust: cloud.trust)))
        let proof = try await vault.completeness(
            category: 1, from: now.addingTimeInterval(-86_400 * 40), to: now.addingTimeInterval(86_400), codes: [heartRate])
        #expect(try holds(verifyCompleteness(proof: proof, trust: cloud.trust)))
        #expect(try await vault.compare(receipt: shown) == .sameList)
        #expect(try await vault.setAside() == [])
        #expect(try await vault.cloud() == cloud)
    }

    private func ids(_ vault: Vault, _ limit: UInt32 = 1_000) async throws -> Set<RecordId> {
        Set(try await vault.records(query: RecordQuery(limit: limit)).records.map(\.id))
    }

    private func allHold(_ receipts: [RecordId: Data], _ cloud: CloudSettings) throws -> Bool {
        try receipts.values.allSatisfy { try holds(verifyReceipt(receipt: $0, disclosure: nil, trust: cloud.trust)) }
    }

    /// Forty readings, as people export them.
    private func csv() -> String {
        let stamp = ISO8601DateFormatter()
        let rows = (1...40).map { minutes in
            let at = stamp.string(from: now.addingTimeInterval(Double(-60 * minutes)))
            return "\(heartRate),\(at),,\(60 + minutes),/min,file,"
        }
        return (["code,start,end,value,unit,source,note"] + rows).joined(separator: "\n") + "\n"
    }
}
