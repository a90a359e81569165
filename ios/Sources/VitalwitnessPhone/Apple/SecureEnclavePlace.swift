#if canImport(Security) && canImport(LocalAuthentication)
    import Foundation
    import LocalAuthentication
    import Security

    /// The Secure Enclave, and the Keychain that names its keys. No key is in a backup or goes to another phone.
    ///
    /// On a Mac or a simulator without an Enclave the keys are the Keychain's own.
    public final class SecureEnclavePlace: KeyPlace {
        private let reason: String

        /// `reason`: what the person reads while they are asked, in their language.
        public init(reason: String) {
            self.reason = reason
        }

        public func make(_ name: String, asks: Bool, whileLocked: Bool) throws {
            let when = whileLocked
                ? kSecAttrAccessibleAfterFirstUnlockThisDeviceOnly : kSecAttrAccessibleWhenUnlockedThisDeviceOnly
            // a finger, a face or the code: one that is added later does not end the key, the vault would be lost with it
            var flags: SecAccessControlCreateFlags = [.privateKeyUsage]
            if asks { flags.insert(.userPresence) }
            do {
                try make(name, access: access(when, flags), inEnclave: true)
            } catch KeyFailure.keychain(errSecUnimplemented) {
                try make(name, access: access(when, asks ? [.userPresence] : []), inEnclave: false)
            }
        }

        public func holds(_ name: String) throws -> Bool {
            // only whether it is there: nobody is asked, that is done when it is used
            switch SecItemCopyMatching(item(name) as CFDictionary, nil) {
            case errSecSuccess: return true
            case errSecItemNotFound:
                try notShut()
                return false
            case let status: throw KeyFailure.keychain(status)
            }
        }

        public func point(of name: String) throws -> Data {
            guard let open = SecKeyCopyPublicKey(try key(name, nil)) else { throw KeyFailure.keychain(errSecItemNotFound) }
            return try taken { SecKeyCopyExternalRepresentation(open, $0) as Data? }
        }

        public func sign(_ name: String, _ message: Data, _ question: any Question) throws -> Data {
            let key = try key(name, (question as? PersonQuestion)?.context)
            return try taken { SecKeyCreateSignature(key, .ecdsaSignatureMessageX962SHA256, message as CFData, $0) as Data? }
        }

        public func agree(_ name: String, with peer: Data) throws -> Data {
            let key = try key(name, nil)
            let kind: [CFString: Any] = [
                kSecAttrKeyType: kSecAttrKeyTypeECSECPrimeRandom, kSecAttrKeyClass: kSecAttrKeyClassPublic,
            ]
            let point: SecKey
            do {
                point = try taken { SecKeyCreateWithData(peer as CFData, kind as CFDictionary, $0) }
            } catch {
                throw KeyFailure.keychain(errSecParam)
            }
            return try taken {
                SecKeyCopyKeyExchangeResult(key, .ecdhKeyExchangeStandard, point, [:] as CFDictionary, $0) as Data?
            }
        }

        public func remove(_ name: String) throws {
            let status = SecItemDelete(item(name) as CFDictionary)
            if status != errSecSuccess && status != errSecItemNotFound { throw KeyFailure.keychain(status) }
        }

        public func question() -> any Question { PersonQuestion(reason) }

        private func make(_ name: String, access: SecAccessControl, inEnclave: Bool) throws {
            let kept: [CFString: Any] = [
                kSecAttrIsPermanent: true, kSecAttrApplicationTag: Data(name.utf8), kSecAttrAccessControl: access,
            ]
            var plan: [CFString: Any] = [
                kSecAttrKeyType: kSecAttrKeyTypeECSECPrimeRandom, kSecAttrKeySizeInBits: 256, kSecPrivateKeyAttrs: kept,
                kSecUseDataProtectionKeychain: true,
            ]
            if inEnclave { plan[kSecAttrTokenID] = kSecAttrTokenIDSecureEnclave }
            _ = try taken { SecKeyCreateRandomKey(plan as CFDictionary, $0) } as SecKey
        }

        private func access(_ when: CFString, _ flags: SecAccessControlCreateFlags) throws -> SecAccessControl {
            try taken { SecAccessControlCreateWithFlags(nil, when, flags, $0) }
        }

        private func key(_ name: String, _ context: LAContext?) throws -> SecKey {
            var query = item(name)
            query[kSecReturnRef] = true
            if let context { query[kSecUseAuthenticationContext] = context }
            var found: CFTypeRef?
            let status = SecItemCopyMatching(query as CFDictionary, &found)
            if status == errSecItemNotFound { try notShut() }
            guard status == errSecSuccess, let found, CFGetTypeID(found) == SecKeyGetTypeID() else {
                throw KeyFailure.keychain(status == errSecSuccess ? errSecDecode : status)
            }
            return found as! SecKey
        }

        private func item(_ name: String) -> [CFString: Any] {
            [
                kSecClass: kSecClassKey, kSecAttrKeyClass: kSecAttrKeyClassPrivate,
                kSecAttrApplicationTag: Data(name.utf8), kSecUseDataProtectionKeychain: true,
            ]
        }

        /// Until the first unlock after a start the Keychain is shut and finds nothing: no key is lost then. An
        /// item of our own, made at first use, is found whenever it is open.
        private func notShut() throws {
            let canary: [CFString: Any] = [
                kSecClass: kSecClassGenericPassword, kSecAttrService: "health.vitalwitness", kSecAttrAccount: "canary",
                kSecUseDataProtectionKeychain: true,
            ]
            var reading = canary
            reading[kSecReturnData] = true
            let status = SecItemCopyMatching(reading as CFDictionary, nil)
            if status == errSecSuccess { return }
            guard status == errSecItemNotFound else { throw KeyFailure.keychain(status) }
            var making = canary
            making[kSecValueData] = Data([1])
            making[kSecAttrAccessible] = kSecAttrAccessibleAfterFirstUnlockThisDeviceOnly
            let made = SecItemAdd(making as CFDictionary, nil)
            if made != errSecSuccess { throw KeyFailure.keychain(made == errSecDuplicateItem ? errSecInteractionNotAllowed : made) }
        }
    }

    /// The system's own question. Made new for each use, so that each use asks.
    private final class PersonQuestion: Question, @unchecked Sendable {
        let context = LAContext()

        init(_ reason: String) {
            context.localizedReason = reason
        }

        func withdraw() { context.invalidate() }
    }

    /// What a call of `Security` gave, or its failure by number only: its words may name the key.
    private func taken<T>(_ call: (UnsafeMutablePointer<Unmanaged<CFError>?>) -> T?) throws -> T {
        var failure: Unmanaged<CFError>?
        if let given = call(&failure) { return given }
        guard let error = failure?.takeRetainedValue() else { throw KeyFailure.keychain(errSecInternalError) }
        let (domain, code) = (CFErrorGetDomain(error) as String, CFErrorGetCode(error))
        switch domain {
        case NSOSStatusErrorDomain: throw KeyFailure.keychain(Int32(truncatingIfNeeded: code))
        case LAError.errorDomain: throw KeyFailure.authentication(code)
        case "CryptoTokenKit": throw KeyFailure.token(code)
        default: throw KeyFailure.keychain(errSecInternalError)
        }
    }
#endif
