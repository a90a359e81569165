import Foundation
import Vitalwitness

/// Why a place of keys did not do it, by the numbers of Apple's systems.
public enum KeyFailure: Error, Equatable {
    /// An `OSStatus` of the Keychain or the Secure Enclave.
    case keychain(Int32)
    /// A code of `LAError`.
    case authentication(Int)
    /// A code of `TKError`: the Secure Enclave behind the Keychain.
    case token(Int)
    /// What was sealed does not open under this key and context.
    case notGenuine
}

/// What a failure means to the vault. Nothing else of it is kept: its words may name the key.
func refusal(of failure: any Error) -> KeyStoreError {
    switch failure {
    case let known as KeyStoreError: known
    case KeyFailure.keychain(let status): refusal(ofStatus: status)
    case KeyFailure.authentication(let code): refusal(ofAuthentication: code)
    case KeyFailure.token(let code): refusal(ofToken: code)
    case KeyFailure.notGenuine: .NotValid
    case is CancellationError: .Cancelled
    default: .Failed
    }
}

/// By the numbers of `SecBase.h`.
private func refusal(ofStatus status: Int32) -> KeyStoreError {
    switch status {
    case -128: .Cancelled  // errSecUserCanceled
    case -25293: .Refused  // errSecAuthFailed
    case -25300: .KeyLost  // errSecItemNotFound
    case -26275: .KeyLost  // errSecDecode: what is stored is no key
    case -50: .NotValid  // errSecParam: the peer is no point of the curve
    // before the first unlock, while locked, or the Keychain's process does not answer
    case -25308, -25315, -25291, -25320: .Unavailable
    default: .Failed
    }
}

/// By the numbers of `LAError.Code`.
private func refusal(ofAuthentication code: Int) -> KeyStoreError {
    switch code {
    case -2, -9: .Cancelled  // by the person; by the app that gave up
    case -4: .Cancelled  // by the system: another app came to the front
    case -1, -3, -8: .Refused  // did not match; wants a password of the app's own; too many tries
    // no code is set, no sensor, nobody enrolled, no screen to ask on
    case -5, -6, -7, -1004: .Unavailable
    case -10: .Unavailable  // the question was withdrawn
    default: .Refused
    }
}

/// By the numbers of `TKError.Code`.
private func refusal(ofToken code: Int) -> KeyStoreError {
    switch code {
    case -4: .Cancelled
    case -5, -9: .Refused
    case -3, -6: .KeyLost  // what is stored is damaged or gone
    case -2, -7: .Unavailable  // it does not answer, it is not there
    case -8: .NotValid
    default: .Failed
    }
}

/// How a key is kept, by its use.
struct KeyPlan: Equatable {
    /// Whether each use asks: a finger, a face or the code of the phone.
    let asks: Bool
    /// Whether it works while the phone is locked, from its first unlock on: a sync in the background needs it.
    let whileLocked: Bool

    init(for use: KeyUse) {
        asks = use == .signWithPresence
        whileLocked = !asks
    }
}

/// Names of keys in the Keychain. Part of the name: what the key is for, so that it is as durable as the key.
enum KeyName {
    static let places = ["health.vitalwitness.key.", "health.vitalwitness.asking.", "health.vitalwitness.wrap."]

    static func of(_ alias: String, _ use: KeyUse) -> String {
        switch use {
        case .sign, .agree: places[0] + alias
        case .signWithPresence: places[1] + alias
        case .wrap: places[2] + alias
        }
    }
}

/// SPKI of P-256 up to the point, RFC 5480.
private let spkiHead: [UInt8] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
]

/// SPKI in DER of an uncompressed point of P-256; the Secure Enclave gives only the point.
func spki(of point: Data) throws -> Data {
    guard point.count == pointSize, point.first == 4 else { throw KeyStoreError.Failed }
    return Data(spkiHead) + point
}

let pointSize = 65
