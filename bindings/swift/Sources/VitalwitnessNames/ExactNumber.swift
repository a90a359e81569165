import Foundation

/// A decimal number with the digits that it was written with: 5.40 stays 5.40. Foundation's `Decimal`
/// makes it 5.4, and a record would say that less was measured.
public struct ExactNumber: Hashable, Sendable, CustomStringConvertible {
    /// Sign, digits, a point, an exponent: as it is recorded.
    public let text: String

    /// None when it is not written as a decimal number, such as `82.40`, `-3` or `5e3`.
    public init?(_ text: String) {
        guard text.wholeMatch(of: /[-+]?[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?/) != nil else { return nil }
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
