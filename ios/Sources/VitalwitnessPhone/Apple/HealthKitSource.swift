#if canImport(HealthKit)
    import Foundation
    import HealthKit

    /// HealthKit for a `HealthReader`.
    ///
    /// The app's Info.plist says why (`NSHealthShareUsageDescription`), and its entitlements name HealthKit.
    public final class HealthKitSource: HealthSource {
        private let store = HKHealthStore()

        public init() {}

        /// Whether this device has such a store.
        public static var available: Bool { HKHealthStore.isHealthDataAvailable() }

        /// Asks the person, once for each type; what they answered is not told.
        public func ask() async throws {
            try await store.requestAuthorization(toShare: [], read: Set(healthTypes.flatMap(Self.asked)))
        }

        public func page(of type: String, after mark: Data?, limit: Int) async throws -> HealthPage {
            guard let kind = Self.kind(type) else { return HealthPage(samples: [], deleted: 0, mark: mark ?? Data()) }
            // a mark that does not read is none: all comes anew, and the vault knows it
            let anchor = mark.flatMap { try? NSKeyedUnarchiver.unarchivedObject(ofClass: HKQueryAnchor.self, from: $0) }
            let unit = try await unit(for: kind)
            let (objects, deleted, next) = try await changes(of: kind, after: anchor, limit)
            return HealthPage(
                samples: objects.compactMap { sample($0, unit) }, deleted: deleted,
                mark: try NSKeyedArchiver.archivedData(withRootObject: next, requiringSecureCoding: true))
        }

        private func changes(
            of kind: HKSampleType, after anchor: HKQueryAnchor?, _ limit: Int
        ) async throws -> ([HKSample], Int, HKQueryAnchor) {
            try await withCheckedThrowingContinuation { done in
                store.execute(HKAnchoredObjectQuery(type: kind, predicate: nil, anchor: anchor, limit: limit) {
                    _, samples, deleted, next, error in
                    if let next {
                        done.resume(returning: (samples ?? [], deleted?.count ?? 0, next))
                    } else {
                        done.resume(throwing: error ?? HKError(.unknownError))
                    }
                })
            }
        }

        /// The unit the person reads it in: the phone's own export is written in it.
        private func unit(for kind: HKSampleType) async throws -> HKUnit? {
            guard let quantity = kind as? HKQuantityType else { return nil }
            return try await store.preferredUnits(for: [quantity])[quantity]
        }

        private func sample(_ sample: HKSample, _ unit: HKUnit?) -> HealthSample? {
            guard let value = value(sample, unit) else { return nil }
            let metadata = sample.metadata ?? [:]
            let zone = (metadata[HKMetadataKeyTimeZone] as? String).flatMap(TimeZone.init(identifier:))
            var device: [String: String] = [:]
            device["name"] = sample.device?.name
            device["manufacturer"] = sample.device?.manufacturer
            device["model"] = sample.device?.model
            device["hardware"] = sample.device?.hardwareVersion
            return HealthSample(
                type: sample.sampleType.identifier, value: value, start: sample.startDate, end: sample.endDate,
                offset: zone?.secondsFromGMT(for: sample.startDate), source: sample.sourceRevision.source.name,
                device: device, typed: metadata[HKMetadataKeyWasUserEntered] as? Bool ?? false,
                meal: (metadata[HKMetadataKeyBloodGlucoseMealTime] as? NSNumber)?.intValue)
        }

        private func value(_ sample: HKSample, _ unit: HKUnit?) -> HealthValue? {
            switch sample {
            case let sample as HKQuantitySample:
                guard let unit, sample.quantity.is(compatibleWith: unit) else { return nil }
                return .quantity(sample.quantity.doubleValue(for: unit), unit: unit.unitString)
            case let sample as HKCategorySample where sample.sampleType.identifier.hasSuffix("SleepAnalysis"):
                return .sleep(sample.value)
            case is HKCategorySample: return .lasted
            case let sample as HKCorrelation:
                let halves = sample.objects.sorted { $0.sampleType.identifier > $1.sampleType.identifier }
                return .together(halves.compactMap { self.sample($0, .millimeterOfMercury()) })
            default: return nil
            }
        }

        private static func kind(_ type: String) -> HKSampleType? {
            if type.hasPrefix("HKQuantity") { return HKObjectType.quantityType(forIdentifier: .init(rawValue: type)) }
            if type.hasPrefix("HKCategory") { return HKObjectType.categoryType(forIdentifier: .init(rawValue: type)) }
            return HKObjectType.correlationType(forIdentifier: .init(rawValue: type))
        }

        /// A correlation cannot be asked for: its parts are.
        private static func asked(_ type: String) -> [HKObjectType] {
            guard type.hasPrefix("HKCorrelation") else { return [kind(type)].compactMap { $0 } }
            return [.bloodPressureSystolic, .bloodPressureDiastolic].compactMap(HKObjectType.quantityType(forIdentifier:))
        }
    }
#endif
