#if canImport(CoreBluetooth)
    import CoreBluetooth
    import Foundation
    import Vitalwitness

    /// CoreBluetooth for a `PhoneRadio`. Make it at the start of the app, before the system hands back what it
    /// kept: `restoreId`, the same at each start, is how it knows the app again.
    ///
    /// The app's Info.plist says why Bluetooth is used (`NSBluetoothAlwaysUsageDescription`) and that it is
    /// used in the background (`UIBackgroundModes`: `bluetooth-central`).
    public final class CoreBluetoothPort: NSObject, RadioPort, @unchecked Sendable {
        // All below is touched on this queue only.
        private let queue = DispatchQueue(label: "health.vitalwitness.radio")
        private var central: CBCentralManager?
        private weak var radio: PhoneRadio?
        private var peripherals: [String: CBPeripheral] = [:]
        private var undiscovered: [String: Int] = [:]
        private var found: [String: [OfferedCharacteristic]] = [:]
        private var characteristics: [String: [Characteristic: CBCharacteristic]] = [:]
        private let restoreId: String?

        public init(restoreId: String?) {
            self.restoreId = restoreId
        }

        public func tell(_ radio: PhoneRadio) {
            queue.async { [self] in
                self.radio = radio
                var options: [String: Any] = [CBCentralManagerOptionShowPowerAlertKey: false]
                if let restoreId { options[CBCentralManagerOptionRestoreIdentifierKey] = restoreId }
                central = CBCentralManager(delegate: self, queue: queue, options: options)
            }
        }

        public func scan(_ services: [UInt16]) {
            queue.async { [self] in
                central?.scanForPeripherals(withServices: services.map { CBUUID(string: uuidText($0)) })
            }
        }

        public func stopScan() {
            queue.async { [self] in central?.stopScan() }
        }

        public func connect(_ peripheral: String) {
            queue.async { [self] in
                guard let central, let device = known(peripheral) else {
                    radio?.ended(peripheral, .central(CBError.Code.unknownDevice.rawValue))
                    return
                }
                central.connect(device)
            }
        }

        public func cancel(_ peripheral: String) {
            queue.async { [self] in
                forget(peripheral)
                if let central, let device = peripherals[peripheral] { central.cancelPeripheralConnection(device) }
            }
        }

        public func discover(_ peripheral: String) {
            queue.async { [self] in
                guard let device = peripherals[peripheral] else { return }
                forget(peripheral)
                device.discoverServices(nil)
            }
        }

        public func read(_ peripheral: String, _ from: Characteristic) {
            with(peripheral, from) { radio, device, characteristic in
                guard let characteristic else { return radio.updated(peripheral, from, .failure(.attribute(0x0A)), at: Date()) }
                device.readValue(for: characteristic)
            }
        }

        public func write(_ peripheral: String, _ to: Characteristic, _ bytes: Data, withAnswer: Bool) {
            with(peripheral, to) { radio, device, characteristic in
                guard let characteristic else { return radio.wrote(peripheral, to, .attribute(0x0A)) }
                device.writeValue(bytes, for: characteristic, type: withAnswer ? .withResponse : .withoutResponse)
                // nothing comes back
                if !withAnswer { radio.wrote(peripheral, to, nil) }
            }
        }

        public func subscribe(_ peripheral: String, _ to: Characteristic) {
            with(peripheral, to) { radio, device, characteristic in
                guard let characteristic else { return radio.subscribed(peripheral, to, .attribute(0x0A)) }
                // a link that the system kept has it on already, and says nothing about it a second time
                if characteristic.isNotifying { return radio.subscribed(peripheral, to, nil) }
                device.setNotifyValue(true, for: characteristic)
            }
        }

        private func with(
            _ peripheral: String, _ name: Characteristic,
            _ work: @escaping (PhoneRadio, CBPeripheral, CBCharacteristic?) -> Void
        ) {
            queue.async { [self] in
                guard let radio, let device = peripherals[peripheral] else { return }
                work(radio, device, characteristics[peripheral]?[name])
            }
        }

        private func known(_ peripheral: String) -> CBPeripheral? {
            if let device = peripherals[peripheral] { return device }
            guard let id = UUID(uuidString: peripheral), let central else { return nil }
            let device = central.retrievePeripherals(withIdentifiers: [id]).first
            device.map(keep)
            return device
        }

        private func keep(_ device: CBPeripheral) {
            device.delegate = self
            // it goes away while nobody holds it
            peripherals[device.name()] = device
        }

        private func forget(_ peripheral: String) {
            undiscovered[peripheral] = nil
            found[peripheral] = nil
            characteristics[peripheral] = nil
        }
    }

    extension CoreBluetoothPort: CBCentralManagerDelegate {
        public func centralManagerDidUpdateState(_ central: CBCentralManager) {
            switch central.state {
            case .poweredOn:
                radio?.changed(.on)
                // links of before the app was ended
                for device in peripherals.values where device.state == .connected { radio?.connected(device.name()) }
            case .unauthorized: radio?.changed(.notAllowed)
            // switched off, none built in, or the system starts Bluetooth anew: every link is gone
            case .poweredOff, .unsupported, .resetting: radio?.changed(.off)
            default: radio?.changed(.starting)
            }
        }

        public func centralManager(_ central: CBCentralManager, willRestoreState kept: [String: Any]) {
            let devices = kept[CBCentralManagerRestoredStatePeripheralsKey] as? [CBPeripheral] ?? []
            devices.forEach(keep)
            radio?.restored(devices.map { $0.name() })
        }

        public func centralManager(
            _ central: CBCentralManager, didDiscover device: CBPeripheral, advertisementData: [String: Any], rssi: NSNumber
        ) {
            keep(device)
            let services = advertisementData[CBAdvertisementDataServiceUUIDsKey] as? [CBUUID] ?? []
            let name = advertisementData[CBAdvertisementDataLocalNameKey] as? String ?? device.name
            // 127: not measured
            let strength = rssi.intValue == 127 ? nil : Int16(clamping: rssi.intValue)
            radio?.found(FoundDevice(
                peripheral: device.name(), name: name, services: services.compactMap { assignedNumber($0.uuidString) },
                rssi: strength))
        }

        public func centralManager(_ central: CBCentralManager, didConnect device: CBPeripheral) {
            keep(device)
            radio?.connected(device.name())
        }

        public func centralManager(_ central: CBCentralManager, didFailToConnect device: CBPeripheral, error: (any Error)?) {
            radio?.ended(device.name(), failure(error) ?? .central(CBError.Code.connectionFailed.rawValue))
        }

        public func centralManager(
            _ central: CBCentralManager, didDisconnectPeripheral device: CBPeripheral, error: (any Error)?
        ) {
            forget(device.name())
            radio?.ended(device.name(), failure(error))
        }
    }

    extension CoreBluetoothPort: CBPeripheralDelegate {
        public func peripheral(_ device: CBPeripheral, didDiscoverServices error: (any Error)?) {
            let name = device.name()
            let services = (device.services ?? []).filter { assignedNumber($0.uuid.uuidString) != nil }
            if let failure = failure(error) { radio?.discovered(name, .failure(failure)) } else if services.isEmpty {
                radio?.discovered(name, .success([]))
            } else {
                undiscovered[name] = services.count
                services.forEach { device.discoverCharacteristics(nil, for: $0) }
            }
        }

        public func peripheral(
            _ device: CBPeripheral, didDiscoverCharacteristicsFor service: CBService, error: (any Error)?
        ) {
            let name = device.name()
            guard let left = undiscovered[name] else { return }
            if let failure = failure(error) {
                undiscovered[name] = nil
                radio?.discovered(name, .failure(failure))
                return
            }
            for characteristic in service.characteristics ?? [] {
                guard let named = characteristic.named() else { continue }
                // of two alike the first
                if characteristics[name]?[named] != nil { continue }
                characteristics[name, default: [:]][named] = characteristic
                let properties = UInt8(truncatingIfNeeded: characteristic.properties.rawValue)
                found[name, default: []].append(OfferedCharacteristic(characteristic: named, properties: properties))
            }
            undiscovered[name] = left - 1
            if left == 1 {
                undiscovered[name] = nil
                radio?.discovered(name, .success(found[name] ?? []))
            }
        }

        public func peripheral(_ device: CBPeripheral, didModifyServices invalidated: [CBService]) {
            // what was found does not hold any more: a new link finds it anew
            central?.cancelPeripheralConnection(device)
        }

        public func peripheral(
            _ device: CBPeripheral, didUpdateValueFor characteristic: CBCharacteristic, error: (any Error)?
        ) {
            let now = Date()
            guard let from = characteristic.named() else { return }
            if let failure = failure(error) {
                radio?.updated(device.name(), from, .failure(failure), at: now)
            } else if let bytes = characteristic.value {
                radio?.updated(device.name(), from, .success(bytes), at: now)
            }
        }

        public func peripheral(_ device: CBPeripheral, didWriteValueFor characteristic: CBCharacteristic, error: (any Error)?) {
            guard let to = characteristic.named() else { return }
            radio?.wrote(device.name(), to, failure(error))
        }

        public func peripheral(
            _ device: CBPeripheral, didUpdateNotificationStateFor characteristic: CBCharacteristic, error: (any Error)?
        ) {
            guard let to = characteristic.named() else { return }
            radio?.subscribed(device.name(), to, failure(error))
        }
    }

    extension CBPeripheral {
        fileprivate func name() -> String { identifier.uuidString }
    }

    extension CBCharacteristic {
        fileprivate func named() -> Characteristic? {
            guard let service = service.flatMap({ assignedNumber($0.uuid.uuidString) }),
                let number = assignedNumber(uuid.uuidString)
            else { return nil }
            return Characteristic(service: service, number: number)
        }
    }

    private func failure(_ error: (any Error)?) -> RadioFailure? {
        guard let error = error as NSError? else { return nil }
        switch error.domain {
        case CBATTErrorDomain: return .attribute(error.code)
        case CBErrorDomain: return .central(error.code)
        default: return .other
        }
    }
#endif
