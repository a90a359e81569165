import Dispatch
import Foundation
import Vitalwitness

/// Where keys lie: the Secure Enclave, and the Keychain that names them. Calls may wait for the person.
/// They throw `KeyFailure`.
public protocol KeyPlace: Sendable {
    /// A new key of P-256 that never leaves. `asks`: each use asks the person; `whileLocked`: it can be
    /// used while the phone is locked.
    func make(_ name: String, asks: Bool, whileLocked: Bool) throws
    /// Whether there is one.
    func holds(_ name: String) throws -> Bool
    /// Its public point, 65 bytes.
    func point(of name: String) throws -> Data
    /// ECDSA over SHA-256, in DER; `question` is how the person is asked.
    func sign(_ name: String, _ message: Data, _ question: any Question) throws -> Data
    /// The x coordinate of ECDH with a point of 65 bytes.
    func agree(_ name: String, with peer: Data) throws -> Data
    /// Fine when there is none.
    func remove(_ name: String) throws
    /// A question to the person that was not asked yet.
    func question() -> any Question
}

/// A question to the person: may be withdrawn from any thread, before or while it stands.
public protocol Question: Sendable {
    func withdraw()
}

/// The algorithms around keys that lie elsewhere: CryptoKit.
public protocol KeyAlgorithms: Sendable {
    /// A key of one use: its point, and the x coordinate of its ECDH with `peer`.
    func once(with peer: Data) throws -> (point: Data, shared: Data)
    /// AES-256-GCM under HKDF-SHA-256 of `shared`, no salt, with `info`: nonce, ciphertext, tag.
    func seal(_ secret: Data, _ shared: Data, info: Data, context: Data) throws -> Data
    /// What `seal` sealed; `KeyFailure.notGenuine` for all else.
    func open(_ sealed: Data, _ shared: Data, info: Data, context: Data) throws -> Data
}

/// The keys of this phone, made in its Secure Enclave; none leaves it.
///
/// The Enclave holds keys of P-256 only, so small secrets are sealed to such a key: ECDH with a key of one
/// use, HKDF over both points, AES-256-GCM. What `wrap` gives: 1, the point of one use, nonce, ciphertext, tag.
public final class PhoneKeyStore: KeyStore {
    private let place: any KeyPlace
    private let algorithms: any KeyAlgorithms
    // a call may wait for a person, and must not hold a thread of Swift's few
    private let threads = DispatchQueue(label: "health.vitalwitness.keys", attributes: .concurrent)

    public init(place: any KeyPlace, algorithms: any KeyAlgorithms) {
        self.place = place
        self.algorithms = algorithms
    }

    public func create(alias: String, purpose: KeyUse) async throws {
        try await inPlace { place, _ in
            try Self.forget(alias, place)
            let plan = KeyPlan(for: purpose)
            try place.make(KeyName.of(alias, purpose), asks: plan.asks, whileLocked: plan.whileLocked)
        }
    }

    public func publicKey(alias: String) async throws -> Data {
        try await inPlace { place, _ in
            for use in [KeyUse.sign, .signWithPresence] where try place.holds(KeyName.of(alias, use)) {
                return try spki(of: place.point(of: KeyName.of(alias, use)))
            }
            throw KeyStoreError.KeyLost
        }
    }

    public func sign(alias: String, message: Data) async throws -> Data {
        try await inPlace { place, question in
            let asking = KeyName.of(alias, .signWithPresence)
            let name = try place.holds(asking) ? asking : KeyName.of(alias, .sign)
            return try place.sign(name, message, question)
        }
    }

    public func agree(alias: String, peer: Data) async throws -> Data {
        try await inPlace { place, _ in try place.agree(KeyName.of(alias, .agree), with: peer) }
    }

    public func wrap(alias: String, secret: Data, context: Data) async throws -> Data {
        try await inPlace { [algorithms] place, _ in
            let own = try place.point(of: KeyName.of(alias, .wrap))
            let once = try algorithms.once(with: own)
            let info = Self.info(once.point, own)
            return try Data([Self.version]) + once.point
                + algorithms.seal(secret, once.shared, info: info, context: context)
        }
    }

    public func unwrap(alias: String, wrapped: Data, context: Data) async throws -> Data {
        try await inPlace { [algorithms] place, _ in
            let bytes = Data(wrapped)
            let name = KeyName.of(alias, .wrap)
            let own = try place.point(of: name)
            guard bytes.first == Self.version, bytes.count >= 1 + pointSize + Self.nonceAndTag else {
                throw KeyStoreError.NotValid
            }
            let once = Data(bytes[1..<1 + pointSize])
            let shared: Data
            do {
                shared = try place.agree(name, with: once)
            } catch KeyFailure.keychain(-50) {
                throw KeyStoreError.NotValid
            }
            let sealed = Data(bytes[(1 + pointSize)...])
            return try algorithms.open(sealed, shared, info: Self.info(once, own), context: context)
        }
    }

    public func delete(alias: String) async throws {
        try await inPlace { place, _ in try Self.forget(alias, place) }
    }

    private static func forget(_ alias: String, _ place: any KeyPlace) throws {
        for prefix in KeyName.places { try place.remove(prefix + alias) }
    }

    private static func info(_ once: Data, _ own: Data) -> Data { Data("vitalwitness/phone-wrap/1".utf8) + once + own }

    private func inPlace<T: Sendable>(
        _ work: @escaping @Sendable (any KeyPlace, any Question) throws -> T
    ) async throws -> T {
        let (place, question) = (place, place.question())
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { done in
                threads.async {
                    do {
                        done.resume(returning: try work(place, question))
                    } catch {
                        done.resume(throwing: refusal(of: error))
                    }
                }
            }
        } onCancel: {
            question.withdraw()
        }
    }

    private static let version: UInt8 = 1
    private static let nonceAndTag = 12 + 16
}
