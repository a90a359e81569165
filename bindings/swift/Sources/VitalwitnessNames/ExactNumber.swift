import Foundation

/// A decimal number with the digits that it was written with: 5.40 stays 5.40. Foundation's `Decimal`
/// makes it 5.4, and a record would say that less was measured.
public struct ExactNumber: Hashable, Sendable, CustomStringConvertible {
    /// Sign, digits, a point, an exponent: as it is recorded.
    public let text: String

    /// None when it is not written as a decimal number, such as `82.40`, `-3` or `5e3`.
    public init?(_ text: String) {
        // by hand: a Regex is compiled anew for each number, and costs more than storing a record
        var rest = text.utf8[...]
        rest.skip(oneOf: "-+")
        guard rest.skipDigits() else { return nil }
        if rest.skip(oneOf: "."), !rest.skipDigits() { return nil }
        if rest.skip(oneOf: "eE") {
            rest.skip(oneOf: "-+")
            guard rest.skipDigits() else { return nil }
        }
        guard rest.isEmpty else { return nil }
        self.text = text
    }

    /// None for what is no number. Digits that `decimal` does not know of are not made up.
    public init?(_ decimal: Decimal) {
        guard decimal.isFinite else { return nil }
        text = "\(decimal)"
    }

    /// A number that the library gave: it is one.
    public init(given text: String) {
        self.text = text
    }

    /// For counting; what `Decimal` cannot hold is not a number.
    public var decimal: Decimal { Decimal(string: text) ?? .nan }

    public var description: String { text }
}

extension ExactNumber: ExpressibleByIntegerLiteral {
    public init(integerLiteral value: Int) {
        text = String(value)
    }
}

extension Substring.UTF8View {
    /// Whether it began with one of these.
    @discardableResult
    fileprivate mutating func skip(oneOf letters: StaticString) -> Bool {
        guard let first, letters.withUTF8Buffer({ $0.contains(first) }) else { return false }
        removeFirst()
        return true
    }

    /// Whether it began with a digit; all digits are skipped.
    fileprivate mutating func skipDigits() -> Bool {
        let digits = prefix { (0x30...0x39).contains($0) }
        removeFirst(digits.count)
        return !digits.isEmpty
    }
}
