import CSoftKeys
import Foundation
import Vitalwitness

/// A key store in memory: the same algorithms as a phone's. `before` stands in for the person.
final class SoftKeyStore: KeyStore {
    private struct Key {
        let purpose: KeyUse
        let bytes: [UInt8]
    }

    /// Runs before each use: the use, and whether it asks the person.
    typealias Before = @Sendable (_ use: String, _ asks: Bool) async throws -> Void

    private let keys = Guarded<[String: Key]>([:])
    private let meanwhile = Guarded<Before?>(nil)

    var aliases: Set<String> { keys.with { Set($0.keys) } }

    func before(_ work: Before?) { meanwhile.with { $0 = work } }

    func create(alias: String, purpose: KeyUse) async throws {
        try await ask("create")
        let bytes = purpose == .wrap ? random(32) : filled(256) { soft_make($0) }
        keys.with { $0[alias] = Key(purpose: purpose, bytes: bytes) }
    }

    func publicKey(alias: String) async throws -> Data {
        try await ask("publicKey")
        let key = try key(alias).bytes
        return Data(filled(128) { soft_public(key, key.count, $0) })
    }

    func sign(alias: String, message: Data) async throws -> Data {
        try await ask("sign", keys.with { $0[alias]?.purpose == .signWithPresence })
        let (key, message) = (try key(alias).bytes, [UInt8](message))
        return Data(filled(128) { soft_sign(key, key.count, message, message.count, $0) })
    }

    func agree(alias: String, peer: Data) async throws -> Data {
        try await ask("agree")
        let (key, spki) = (try key(alias).bytes, spkiHead + peer)
        return try made(32) { soft_agree(key, key.count, spki, spki.count, $0) }
    }

    func wrap(alias: String, secret: Data, context: Data) async throws -> Data {
        try await ask("wrap")
        let (key, nonce, secret, context) = (try key(alias).bytes, random(12), [UInt8](secret), [UInt8](context))
        return try Data(nonce) + made(secret.count + 16) {
            soft_seal(key, nonce, context, context.count, secret, secret.count, $0)
        }
    }

    func unwrap(alias: String, wrapped: Data, context: Data) async throws -> Data {
        try await ask("unwrap")
        let (key, context) = (try key(alias).bytes, [UInt8](context))
        let (nonce, sealed) = ([UInt8](wrapped.prefix(12)), [UInt8](wrapped.dropFirst(12)))
        return try made(max(0, sealed.count - 16)) {
            soft_open(key, nonce, context, context.count, sealed, sealed.count, $0)
        }
    }

    func delete(alias: String) async throws {
        try await ask("delete")
        keys.with { $0[alias] = nil }
    }

    private func ask(_ use: String, _ asks: Bool = false) async throws {
        if let before = meanwhile.with({ $0 }) { try await before(use, asks) }
    }

    private func key(_ alias: String) throws -> Key {
        guard let key = keys.with({ $0[alias] }) else { throw KeyStoreError.KeyLost }
        return key
    }
}

/// A value that one thread at a time has.
final class Guarded<T>: @unchecked Sendable {
    private let lock = NSLock()
    private var value: T

    init(_ value: T) {
        self.value = value
    }

    func with<R>(_ work: (inout T) throws -> R) rethrows -> R {
        lock.lock()
        defer { lock.unlock() }
        return try work(&value)
    }
}

private func random(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8.random(in: .min ... .max) } }

func filled(_ room: Int, _ work: (UnsafeMutablePointer<UInt8>) -> Int) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: room) { out, count in count = work(out.baseAddress!) }
}

private func made(_ size: Int, _ work: (UnsafeMutablePointer<UInt8>) -> Bool) throws -> Data {
    let bytes = filled(max(size, 1)) { work($0) ? size : 0 }
    guard bytes.count == size else { throw KeyStoreError.NotValid }
    return Data(bytes)
}

let spkiHead: [UInt8] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
]
