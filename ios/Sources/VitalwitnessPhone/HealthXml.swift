import Foundation

/// A sample of HealthKit, in the words of Apple's own export.
public struct HealthSample: Sendable, Equatable {
    /// `HKQuantityTypeIdentifierHeartRate`, `HKCategoryTypeIdentifierSleepAnalysis`,
    /// `HKCorrelationTypeIdentifierBloodPressure`.
    public var type: String
    public var value: HealthValue
    public var start: Date
    public var end: Date
    /// Seconds east of UTC where it was measured; none: nobody said.
    public var offset: Int?
    /// Who wrote it, as the person reads it.
    public var source: String
    /// `name`, `manufacturer`, `model`, `hardware` of the device, as far as they are known.
    public var device: [String: String]
    /// A person typed it.
    public var typed: Bool
    /// 1 before a meal, 2 after (`HKMetadataKeyBloodGlucoseMealTime`).
    public var meal: Int?

    public init(
        type: String, value: HealthValue, start: Date, end: Date, offset: Int? = nil, source: String,
        device: [String: String] = [:], typed: Bool = false, meal: Int? = nil
    ) {
        self.type = type
        self.value = value
        self.start = start
        self.end = end
        self.offset = offset
        self.source = source
        self.device = device
        self.typed = typed
        self.meal = meal
    }
}

/// What a sample says.
public enum HealthValue: Sendable, Equatable {
    /// A number in a unit as `HKUnit.unitString` writes it: `count/min`, `%`, `degC`, `mg/dL`.
    case quantity(Double, unit: String)
    /// A number of `HKCategoryValueSleepAnalysis`.
    case sleep(Int)
    /// That it lasted from its start to its end: a mindful session.
    case lasted
    /// What belongs together: the two halves of a blood pressure.
    case together([HealthSample])
}

/// The types that are read, those of Apple's that the catalogue of codes names.
public let healthTypes: [String] =
    [
        "HeartRate", "RestingHeartRate", "HeartRateVariabilitySDNN", "StepCount", "DistanceWalkingRunning",
        "ActiveEnergyBurned", "OxygenSaturation", "BodyTemperature", "BloodGlucose", "BodyMass", "Height",
        "BodyFatPercentage", "BodyMassIndex", "RespiratoryRate",
    ].map { "HKQuantityTypeIdentifier\($0)" }
    + [
        "HKCategoryTypeIdentifierSleepAnalysis", "HKCategoryTypeIdentifierMindfulSession",
        "HKCorrelationTypeIdentifierBloodPressure",
    ]

/// Samples as the file the phone's own export is: the vault reads both alike, so that what came one way is
/// known when it comes the other.
func healthXml(_ samples: [HealthSample], in zone: TimeZone) -> String {
    var text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<HealthData>\n"
    for sample in samples { text += element(sample, zone) }
    return text + "</HealthData>\n"
}

private func element(_ sample: HealthSample, _ zone: TimeZone) -> String {
    var attributes = [("type", sample.type), ("sourceName", sample.source)]
    let device = ["name", "manufacturer", "model", "hardware"].compactMap { key in
        sample.device[key].map { "\(key):\($0)" }
    }
    if !device.isEmpty { attributes.append(("device", "<\((["<HKDevice>"] + device).joined(separator: ", "))>")) }
    let offset = sample.offset ?? zone.secondsFromGMT(for: sample.start)
    attributes.append(("startDate", written(sample.start, offset)))
    attributes.append(("endDate", written(sample.end, offset)))
    var inner = ""
    var name = "Record"
    switch sample.value {
    case .quantity(let number, let unit):
        attributes.append(("unit", unit))
        attributes.append(("value", written(number)))
    case .sleep(let stage):
        attributes.append(("value", "HKCategoryValueSleepAnalysis\(stages[stage] ?? "Stage\(stage)")"))
    case .lasted:
        attributes.append(("value", "HKCategoryValueNotApplicable"))
    case .together(let halves):
        name = "Correlation"
        inner = halves.map { element($0, zone) }.joined()
    }
    if sample.typed { inner += metadata("HKWasUserEntered", "1") }
    if let meal = sample.meal { inner += metadata("HKBloodGlucoseMealTime", "\(meal)") }
    let head = attributes.map { " \($0)=\"\(escaped($1))\"" }.joined()
    return inner.isEmpty ? "<\(name)\(head)/>\n" : "<\(name)\(head)>\n\(inner)</\(name)>\n"
}

private func metadata(_ key: String, _ value: String) -> String { "<MetadataEntry key=\"\(key)\" value=\"\(value)\"/>\n" }

private let stages = [0: "InBed", 1: "AsleepUnspecified", 2: "Awake", 3: "AsleepCore", 4: "AsleepDeep", 5: "AsleepREM"]

/// `2025-03-01 08:00:00 +0100`, whole seconds as the export has them.
private func written(_ date: Date, _ offset: Int) -> String {
    let minutes = offset / 60
    var calendar = Calendar(identifier: .gregorian)
    calendar.timeZone = .gmt
    let at = Date(timeIntervalSince1970: date.timeIntervalSince1970.rounded(.down) + Double(minutes * 60))
    let day = calendar.dateComponents([.year, .month, .day, .hour, .minute, .second], from: at)
    let sign = minutes < 0 ? "-" : "+"
    return "\(digits(day.year, 4))-\(digits(day.month))-\(digits(day.day)) "
        + "\(digits(day.hour)):\(digits(day.minute)):\(digits(day.second)) "
        + "\(sign)\(digits(abs(minutes) / 60))\(digits(abs(minutes) % 60))"
}

private func digits(_ number: Int?, _ count: Int = 2) -> String {
    let text = "\(number ?? 0)"
    return String(repeating: "0", count: max(0, count - text.count)) + text
}

/// The fewest digits that say the same number, never `1e-05`.
private func written(_ number: Double) -> String {
    let text = "\(number)"
    if text.hasSuffix(".0") { return String(text.dropLast(2)) }
    guard let exponent = text.firstIndex(of: "e") else { return text }
    return Decimal(string: String(text), locale: Locale(identifier: "en_US_POSIX"))?.description ?? String(text[..<exponent])
}

private func escaped(_ text: String) -> String {
    var safe = ""
    for scalar in text.unicodeScalars {
        switch scalar {
        case "&": safe += "&amp;"
        case "<": safe += "&lt;"
        case ">": safe += "&gt;"
        case "\"": safe += "&quot;"
        // XML has no way to write these
        case _ where scalar.value < 0x20: safe += " "
        default: safe.unicodeScalars.append(scalar)
        }
    }
    return safe
}
