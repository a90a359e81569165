import Foundation
import Testing
import Vitalwitness

/// A key store that does not do it: each way its own error, nothing lost, the vault usable after.
@Suite struct KeyStoreTests {
    private let quick = KeyLimits(quietMs: 300, presenceMs: 600)

    /// Makes a vault, lets `fault` happen while it is opened again, and checks that all is there after.
    private func whileOpening(
        _ code: String, _ limits: KeyLimits = .usual, after: @Sendable () -> Void = {},
        _ fault: @escaping @Sendable () async throws -> Void
    ) async throws {
        try await inFolder { folder in
            let phone = try await Phone.new(folder)
            let id = try await phone.typed("weight", "82.4").id
            try await phone.vault.lock()
            phone.keys.before { _, _ in try await fault() }
            let began = Date()
            try await refused(with: code) {
                try await openVault(path: "\(folder)/vault", keyStore: phone.keys, limits: limits)
            }
            #expect(Date().timeIntervalSince(began) < 9, "it is given up at its limit")
            after()
            phone.keys.before(nil)
            try await phone.vault.unlock()
            #expect(try await phone.vault.records(query: RecordQuery()).records.map(\.id) == [id])
        }
    }

    @Test("refused is its own error")
    func refusedStore() async throws { try await whileOpening("key_refused") { throw KeyStoreError.Refused } }

    @Test("cancelled by the person is its own error")
    func cancelledStore() async throws { try await whileOpening("key_cancelled") { throw KeyStoreError.Cancelled } }

    @Test("a store that cannot answer now is its own error")
    func unavailableStore() async throws { try await whileOpening("key_unavailable") { throw KeyStoreError.Unavailable } }

    @Test("a lost key says to restore")
    func lostKey() async throws { try await whileOpening("key_lost") { throw KeyStoreError.KeyLost } }

    @Test("an error that the trait does not know is an internal error")
    func unknownError() async throws { try await whileOpening("key_store") { throw Unexpected() } }

    @Test("a store that does not answer is given up after its limit, and its task is cancelled")
    func hangingStore() async throws {
        let (told, tell) = AsyncStream<Void>.makeStream()
        try await whileOpening("key_unavailable", quick) {
            await untilCancelled()
            tell.yield()
            throw CancellationError()
        }
        for await _ in told { return }
    }

    @Test("a store that hangs without listening is given up as well, and its late answer harms nothing")
    func deafStore() async throws {
        let held = Gate()
        try await whileOpening("key_unavailable", quick, after: held.open) { await held.passed() }
    }

    @Test("other keys than those it was made with say to restore, and delete nothing")
    func otherKeys() async throws {
        try await inFolder { folder in
            let phone = try await Phone.new(folder)
            let id = try await phone.typed("mood", "well").id
            try await phone.vault.lock()
            try await refused(with: "key_lost") {
                try await openVault(path: "\(folder)/vault", keyStore: SoftKeyStore(), limits: limits)
            }
            try await phone.vault.unlock()
            #expect(try await phone.vault.record(id: id).id == id)
        }
    }

    @Test("an answer that is no key is an internal error, not a crash")
    func noKey() async throws {
        try await inFolder { folder in
            let keys = SoftKeyStore()
            try await refused(with: "key_store") {
                try await createVault(path: "\(folder)/bad", log: nil, keyStore: NoKeys(of: keys), limits: limits)
            }
            let vault = try await createVault(path: "\(folder)/vault", log: nil, keyStore: keys, limits: limits).vault
            #expect(try await vault.isOpen())
        }
    }

    @Test("while a store hangs, other calls do not wait for it, and the one that waits works after")
    func meanwhile() async throws {
        try await inFolder { folder in
            let phone = try await Phone.new(folder)
            try await phone.vault.lock()
            let (asked, held) = (Gate(), Gate())
            phone.keys.before { _, _ in
                asked.open()
                await held.passed()
            }
            async let opening: Void = phone.vault.unlock()
            await asked.passed()
            #expect(try await !phone.vault.isOpen())
            try await refused(with: "locked") { try await phone.vault.counts() }
            held.open()
            try await opening
            phone.keys.before(nil)
            let added = try await phone.typed("mood", "calm")
            #expect(try await phone.vault.records(query: RecordQuery()).records.map(\.id) == [added.id])
        }
    }

    @Test("limits of nothing are refused")
    func noLimits() async throws {
        try await inFolder { folder in
            try await refused(with: "limit_invalid") {
                try await openVault(
                    path: "\(folder)/vault", keyStore: SoftKeyStore(), limits: KeyLimits(quietMs: 0, presenceMs: 1))
            }
        }
    }
}

/// Gives bytes that are no key.
private final class NoKeys: KeyStore {
    private let keys: SoftKeyStore

    init(of keys: SoftKeyStore) {
        self.keys = keys
    }

    func create(alias: String, purpose: KeyUse) async throws { try await keys.create(alias: alias, purpose: purpose) }
    func publicKey(alias: String) async throws -> Data { Data(count: 91) }
    func sign(alias: String, message: Data) async throws -> Data { try await keys.sign(alias: alias, message: message) }
    func agree(alias: String, peer: Data) async throws -> Data { try await keys.agree(alias: alias, peer: peer) }
    func wrap(alias: String, secret: Data, context: Data) async throws -> Data {
        try await keys.wrap(alias: alias, secret: secret, context: context)
    }
    func unwrap(alias: String, wrapped: Data, context: Data) async throws -> Data {
        try await keys.unwrap(alias: alias, wrapped: wrapped, context: context)
    }
    func delete(alias: String) async throws { try await keys.delete(alias: alias) }
}
