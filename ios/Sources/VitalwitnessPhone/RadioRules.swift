import Foundation
import Vitalwitness

/// Why Bluetooth did not do it, by the numbers of Apple's systems.
public enum RadioFailure: Error, Equatable, Sendable {
    /// A code of `CBATTError`: the device's own answer.
    case attribute(Int)
    /// A code of `CBError`: the link or the system.
    case central(Int)
    /// Something else.
    case other
}

/// What a failure means to the vault.
func refusal(of failure: RadioFailure) -> RadioError {
    switch failure {
    case .attribute(let code): refusal(ofAttribute: code)
    case .central(let code): refusal(ofCentral: code)
    case .other: .Refused
    }
}

/// Numbers of the Attribute Protocol (Core Specification, volume 3, part F, 3.4.1.1).
private func refusal(ofAttribute code: Int) -> RadioError {
    switch code {
    case 0x05, 0x08, 0x0C, 0x0F: .NeedsBonding  // authentication, authorization, key size, encryption
    case 0x01, 0x02, 0x03, 0x06, 0x0A: .NotOffered  // handle, read or write not permitted, not supported, not found
    default: .Refused
    }
}

/// Numbers of `CBError.Code`.
private func refusal(ofCentral code: Int) -> RadioError {
    switch code {
    // not connected, out of space, ended by this side, timed out, hung up, failed, too many links, not known any more
    case 3, 4, 5, 6, 7, 10, 11, 12: .Unreachable
    case 14, 15: .NeedsBonding  // the device forgot the bond; encryption timed out
    case 16: .BondRefused  // the phone holds no more bonds
    case 8, 13: .NotOffered  // such a UUID is kept for the system; not supported
    default: .Refused
    }
}

/// The assigned number of a UUID as Apple writes it, `180D` or all 36 letters; none: a maker's own.
func assignedNumber(_ uuid: String) -> UInt16? {
    let text = uuid.uppercased()
    if text.count == 4, text.allSatisfy(\.isHexDigit) { return UInt16(text, radix: 16) }
    guard text.count == 36, text.hasPrefix("0000"), text.hasSuffix("-0000-1000-8000-00805F9B34FB") else { return nil }
    return UInt16(text.dropFirst(4).prefix(4), radix: 16)
}

/// As Apple takes it.
func uuidText(_ number: UInt16) -> String {
    let digits = String(number, radix: 16, uppercase: true)
    return String(repeating: "0", count: 4 - digits.count) + digits
}

extension OfferedCharacteristic {
    /// Whether what comes unasked comes by indication.
    var indicates: Bool { properties & 0x10 == 0 && properties & 0x20 != 0 }
    var notifies: Bool { properties & 0x30 != 0 }
    var writesWithAnswer: Bool { properties & 0x08 != 0 }
}
