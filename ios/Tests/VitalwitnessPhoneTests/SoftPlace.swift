import CSoftKeys
import Foundation
import VitalwitnessPhone

/// Stands in for the Secure Enclave and the Keychain: keys by OpenSSL, refusals by Apple's numbers.
final class SoftPlace: KeyPlace {
    struct Key {
        let bytes: [UInt8]
        let asks: Bool
        let whileLocked: Bool
    }

    let keys = Guarded<[String: Key]>([:])
    /// Runs before each use, as the chip or the person would; what it throws is the refusal.
    let before = Guarded<(@Sendable (_ use: String, _ question: Asked?) throws -> Void)?>(nil)

    func make(_ name: String, asks: Bool, whileLocked: Bool) throws {
        try run("make")
        keys.with { $0[name] = Key(bytes: filled(256) { soft_make($0) }, asks: asks, whileLocked: whileLocked) }
    }

    func holds(_ name: String) throws -> Bool {
        try run("holds")
        return keys.with { $0[name] != nil }
    }

    func point(of name: String) throws -> Data {
        try run("point")
        return publicPoint(try key(name).bytes)
    }

    func sign(_ name: String, _ message: Data, _ question: any Question) throws -> Data {
        let key = try key(name)
        try run("sign", key.asks ? question as? Asked : nil)
        let message = [UInt8](message)
        return Data(filled(128) { soft_sign(key.bytes, key.bytes.count, message, message.count, $0) })
    }

    func agree(_ name: String, with peer: Data) throws -> Data {
        try run("agree")
        return try agreed(key(name).bytes, peer)
    }

    func remove(_ name: String) throws {
        try run("remove")
        keys.with { $0[name] = nil }
    }

    func question() -> any Question { Asked() }

    private func run(_ use: String, _ question: Asked? = nil) throws {
        if let before = before.with({ $0 }) { try before(use, question) }
    }

    private func key(_ name: String) throws -> Key {
        guard let key = keys.with({ $0[name] }) else { throw KeyFailure.keychain(-25300) }
        return key
    }
}

/// A question that somebody may withdraw.
final class Asked: Question {
    private let withdrawn = DispatchSemaphore(value: 0)

    func withdraw() { withdrawn.signal() }

    /// Holds the thread until it is withdrawn, as the system's own question does.
    func wait() throws {
        withdrawn.wait()
        throw KeyFailure.authentication(-9)
    }
}

/// CryptoKit's part, by OpenSSL.
struct SoftAlgorithms: KeyAlgorithms {
    func once(with peer: Data) throws -> (point: Data, shared: Data) {
        let key = filled(256) { soft_make($0) }
        return (publicPoint(key), try agreed(key, peer))
    }

    func seal(_ secret: Data, _ shared: Data, info: Data, context: Data) throws -> Data {
        let (nonce, secret, context) = ((0..<12).map { _ in UInt8.random(in: 0...255) }, [UInt8](secret), [UInt8](context))
        let key = derived(shared, info)
        return Data(nonce) + Data(filled(secret.count + 16) {
            soft_seal(key, nonce, context, context.count, secret, secret.count, $0) ? secret.count + 16 : 0
        })
    }

    func open(_ sealed: Data, _ shared: Data, info: Data, context: Data) throws -> Data {
        let (nonce, rest, context) = ([UInt8](sealed.prefix(12)), [UInt8](sealed.dropFirst(12)), [UInt8](context))
        let (key, room) = (derived(shared, info), Guarded(false))
        let opened = filled(max(1, rest.count)) {
            let done = soft_open(key, nonce, context, context.count, rest, rest.count, $0)
            room.with { $0 = done }
            return done ? rest.count - 16 : 0
        }
        guard room.with({ $0 }) else { throw KeyFailure.notGenuine }
        return Data(opened)
    }

    private func derived(_ shared: Data, _ info: Data) -> [UInt8] {
        let (shared, info) = ([UInt8](shared), [UInt8](info))
        return filled(32) { soft_derive(shared, shared.count, info, info.count, $0) ? 32 : 0 }
    }
}

private func publicPoint(_ key: [UInt8]) -> Data { Data(Data(filled(128) { soft_public(key, key.count, $0) }).suffix(65)) }

private func agreed(_ key: [UInt8], _ peer: Data) throws -> Data {
    let spki = spkiHead + peer
    let shared = filled(32) { soft_agree(key, key.count, spki, spki.count, $0) ? 32 : 0 }
    guard shared.count == 32 else { throw KeyFailure.keychain(-50) }
    return Data(shared)
}
