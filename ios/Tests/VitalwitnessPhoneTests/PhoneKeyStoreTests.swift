import Foundation
import Testing
import Vitalwitness

@testable import VitalwitnessPhone

/// The key store of an Apple phone, its chip and its Keychain by OpenSSL.
@Suite struct PhoneKeyStoreTests {
    private func store(_ place: SoftPlace) -> PhoneKeyStore { PhoneKeyStore(place: place, algorithms: SoftAlgorithms()) }

    @Test("a vault is made, locked and opened with the phone's keys, and what asks the person is the key that signs grants")
    func vault() async throws {
        try await inFolder { folder in
            let place = SoftPlace()
            let made = try await createVault(path: "\(folder)/vault", log: nil, keyStore: store(place), limits: limits)
            let id = try await made.vault.add(
                record: typedEntry(name: "weight", text: "82.4", start: Date(), offsetMin: 60)).id
            try await made.vault.lock()
            let again = try await openVault(path: "\(folder)/vault", keyStore: store(place), limits: limits)
            #expect(try await again.record(id: id).id == id)
            let keys = place.keys.with { $0 }
            #expect(keys.values.contains { $0.asks })
            #expect(keys.values.contains { !$0.asks })
            // a key that asks is no use to a sync in the background, and the others must be
            #expect(keys.values.allSatisfy { $0.asks != $0.whileLocked })
            #expect(keys.allSatisfy { name, key in name.hasPrefix("health.vitalwitness.asking.") == key.asks })
        }
    }

    @Test("a new key of another use takes the place of the one before")
    func replaced() async throws {
        let place = SoftPlace()
        let keys = store(place)
        try await keys.create(alias: "one", purpose: .signWithPresence)
        let before = try await keys.publicKey(alias: "one")
        try await keys.create(alias: "one", purpose: .sign)
        #expect(place.keys.with { $0.count } == 1)
        #expect(try await keys.publicKey(alias: "one") != before)
        try await keys.delete(alias: "one")
        #expect(place.keys.with { $0.isEmpty })
        try await keys.delete(alias: "one")
        await #expect(throws: KeyStoreError.KeyLost) { try await keys.publicKey(alias: "one") }
        await #expect(throws: KeyStoreError.KeyLost) { try await keys.sign(alias: "one", message: Data([1])) }
    }

    @Test("a public key is SPKI of 91 bytes around the chip's point")
    func publicKey() async throws {
        let place = SoftPlace()
        let keys = store(place)
        for use in [KeyUse.sign, .signWithPresence, .agree] {
            try await keys.create(alias: "key", purpose: use)
            let spki = try await keys.publicKey(alias: "key")
            #expect(spki.count == 91)
            let point = try place.point(of: KeyName.of("key", use))
            #expect(spki.suffix(65) == point)
        }
        #expect(throws: KeyStoreError.Failed) { _ = try spki(of: Data(count: 64)) }
        #expect(throws: KeyStoreError.Failed) { _ = try spki(of: Data(count: 65)) }
    }

    @Test("what is wrapped opens with its key and its context only, and no byte of it may change")
    func wrapped() async throws {
        let keys = store(SoftPlace())
        try await keys.create(alias: "wrap", purpose: .wrap)
        try await keys.create(alias: "other", purpose: .wrap)
        let (secret, context) = (Data((0..<32).map { UInt8($0) }), Data("here".utf8))
        let wrapped = try await keys.wrap(alias: "wrap", secret: secret, context: context)
        #expect(try await keys.unwrap(alias: "wrap", wrapped: wrapped, context: context) == secret)
        #expect(try await keys.wrap(alias: "wrap", secret: secret, context: context) != wrapped)
        await #expect(throws: KeyStoreError.NotValid) {
            try await keys.unwrap(alias: "wrap", wrapped: wrapped, context: Data("there".utf8))
        }
        await #expect(throws: KeyStoreError.NotValid) {
            try await keys.unwrap(alias: "other", wrapped: wrapped, context: context)
        }
        for at in wrapped.indices {
            var changed = wrapped
            changed[at] ^= 1
            await #expect(throws: KeyStoreError.NotValid, "byte \(at)") {
                try await keys.unwrap(alias: "wrap", wrapped: changed, context: context)
            }
        }
        for count in [0, 1, 65, 66, 93, wrapped.count - 1] {
            await #expect(throws: KeyStoreError.NotValid, "\(count) bytes") {
                try await keys.unwrap(alias: "wrap", wrapped: wrapped.prefix(count), context: context)
            }
        }
        let empty = try await keys.wrap(alias: "wrap", secret: Data(), context: Data())
        #expect(try await keys.unwrap(alias: "wrap", wrapped: empty, context: Data()).isEmpty)
    }

    @Test("what the chip or the person refuses is its own error of the vault, and the vault works after")
    func refusals() async throws {
        let cases: [(KeyFailure, String)] = [
            (.keychain(-25293), "key_refused"), (.authentication(-1), "key_refused"), (.authentication(-8), "key_refused"),
            (.keychain(-128), "key_cancelled"), (.authentication(-2), "key_cancelled"), (.token(-4), "key_cancelled"),
            (.keychain(-25308), "key_unavailable"), (.authentication(-5), "key_unavailable"), (.token(-2), "key_unavailable"),
            (.keychain(-25300), "key_lost"), (.token(-6), "key_lost"), (.keychain(-34018), "key_store"),
        ]
        try await inFolder { folder in
            let place = SoftPlace()
            let vault = try await createVault(path: "\(folder)/vault", log: nil, keyStore: store(place), limits: limits).vault
            for (failure, code) in cases {
                try await vault.lock()
                place.before.with { $0 = { _, _ in throw failure } }
                try await refused(with: code) { try await vault.unlock() }
                place.before.with { $0 = nil }
                try await vault.unlock()
                #expect(try await vault.isOpen())
            }
        }
    }

    @Test("a question nobody answers is withdrawn at the vault's limit, and no thread stays with it")
    func withdrawn() async throws {
        let place = SoftPlace()
        let keys = store(place)
        try await keys.create(alias: "grants", purpose: .signWithPresence)
        let (asked, ask) = AsyncStream<Void>.makeStream()
        place.before.with {
            $0 = { _, question in
                guard let question else { return }
                ask.yield()
                try question.wait()
            }
        }
        let signing = Task { try await keys.sign(alias: "grants", message: Data([1])) }
        for await _ in asked { break }
        signing.cancel()
        await #expect(throws: KeyStoreError.Cancelled) { try await signing.value }
        place.before.with { $0 = nil }
        #expect(try await !keys.sign(alias: "grants", message: Data([1])).isEmpty)
    }
}
