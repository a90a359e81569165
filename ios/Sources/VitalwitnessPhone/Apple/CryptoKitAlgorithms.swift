#if canImport(CryptoKit)
    import CryptoKit
    import Foundation

    /// The algorithms around the Enclave's keys, by CryptoKit.
    public struct CryptoKitAlgorithms: KeyAlgorithms {
        public init() {}

        public func once(with peer: Data) throws -> (point: Data, shared: Data) {
            let own = P256.KeyAgreement.PrivateKey()
            let shared = try own.sharedSecretFromKeyAgreement(with: P256.KeyAgreement.PublicKey(x963Representation: peer))
            return (own.publicKey.x963Representation, shared.withUnsafeBytes { Data($0) })
        }

        public func seal(_ secret: Data, _ shared: Data, info: Data, context: Data) throws -> Data {
            let sealed = try AES.GCM.seal(secret, using: key(shared, info), authenticating: context)
            guard let combined = sealed.combined else { throw KeyFailure.notGenuine }
            return combined
        }

        public func open(_ sealed: Data, _ shared: Data, info: Data, context: Data) throws -> Data {
            do {
                return try AES.GCM.open(AES.GCM.SealedBox(combined: sealed), using: key(shared, info), authenticating: context)
            } catch {
                throw KeyFailure.notGenuine
            }
        }

        private func key(_ shared: Data, _ info: Data) -> SymmetricKey {
            HKDF<SHA256>.deriveKey(inputKeyMaterial: SymmetricKey(data: shared), info: info, outputByteCount: 32)
        }
    }
#endif
