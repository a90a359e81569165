import Foundation

/// A day of the calendar by the clock on the wall, without a time or a zone.
public struct LocalDay: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// Days since 1970-01-01.
    public let daysSince1970: Int32

    public init(daysSince1970: Int32) {
        self.daysSince1970 = daysSince1970
    }

    /// None for a day that is in no calendar, such as 2026-02-30.
    public init?(year: Int, month: Int, day: Int) {
        let wanted = DateComponents(year: year, month: month, day: day)
        guard let date = utc.date(from: wanted), utc.dateComponents(parts, from: date) == wanted,
            let days = Int32(exactly: (date.timeIntervalSince1970 / 86_400).rounded())
        else { return nil }
        daysSince1970 = days
    }

    /// The day that it is then, there.
    public init(_ date: Date, in zone: TimeZone) {
        let local = date.timeIntervalSince1970 + Double(zone.secondsFromGMT(for: date))
        daysSince1970 = Int32(clamping: Int64((local / 86_400).rounded(.down)))
    }

    /// So many days later.
    public func adding(days: Int) -> LocalDay {
        LocalDay(daysSince1970: Int32(clamping: Int(daysSince1970) + days))
    }

    /// Year, month and day.
    public var components: DateComponents {
        utc.dateComponents(parts, from: Date(timeIntervalSince1970: Double(daysSince1970) * 86_400))
    }

    /// As in 2026-03-05.
    public var description: String {
        let (part, digits) = (components, { (number: Int?, width: Int) in
            let text = String(number ?? 0)
            return String(repeating: "0", count: max(0, width - text.count)) + text
        })
        return "\(digits(part.year, 4))-\(digits(part.month, 2))-\(digits(part.day, 2))"
    }

    public static func < (one: LocalDay, other: LocalDay) -> Bool { one.daysSince1970 < other.daysSince1970 }
}

private let parts: Set<Calendar.Component> = [.year, .month, .day]
private let utc = {
    var calendar = Calendar(identifier: .gregorian)
    calendar.timeZone = .gmt
    return calendar
}()
