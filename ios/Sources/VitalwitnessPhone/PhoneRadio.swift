import Foundation
import Vitalwitness

/// Whether the phone's Bluetooth can be used.
public enum PortState: Sendable, Equatable {
    /// Not known yet: the system tells soon after the start.
    case starting
    case on
    case off
    case notAllowed
}

/// The phone's Bluetooth, without a rule of its own: CoreBluetooth. No call waits, for the radio may call
/// while it is told of something; what comes of a call is told to the radio, in the order things happen.
public protocol RadioPort: AnyObject, Sendable {
    /// Whom to tell. It is not kept alive.
    func tell(_ radio: PhoneRadio)
    func scan(_ services: [UInt16])
    func stopScan()
    /// Asks for a link, however long it takes. Tells `ended` where the system does not know such a device.
    func connect(_ peripheral: String)
    /// Ends a link, or the wish for one.
    func cancel(_ peripheral: String)
    func discover(_ peripheral: String)
    func read(_ peripheral: String, _ from: Characteristic)
    func write(_ peripheral: String, _ to: Characteristic, _ bytes: Data, withAnswer: Bool)
    func subscribe(_ peripheral: String, _ to: Characteristic)
}

/// The phone's Bluetooth for the vault: `vault.attachRadio(radio: radio, inbox: radio.inbox, tellsBonds: false)`,
/// once, before any session. A device is named by the id that this phone gave it.
///
/// A phone of Apple bonds by itself when a device asks for it, and forgets a bond only in its settings.
public final class PhoneRadio: Radio {
    /// Where this radio puts what happens.
    public let inbox = RadioInbox()

    private let port: any RadioPort
    private let limit: Duration
    private let state = Locked(State())
    private let near: @Sendable (String) -> Void

    private struct State {
        var port = PortState.starting
        var waiting: [CheckedContinuation<Void, Never>] = []
        var links: [String: Link] = [:]
        var awaited: Set<String> = []
        var turns: UInt64 = 0
    }

    private struct Link {
        /// It stands, as the system says.
        var stands = false
        /// It was handed to the vault.
        var told = false
        var offered: [Characteristic: OfferedCharacteristic] = [:]
        var running: Turn?
        var clock: Task<Void, any Error>?
        var next: [Turn] = []
    }

    private enum What: Equatable {
        case connect, discover
        case read(Characteristic), write(Characteristic), subscribe(Characteristic)
    }

    private struct Turn {
        let number: UInt64
        let what: What
        let start: @Sendable () -> Void
        let done: CheckedContinuation<Data, any Error>
    }

    /// `near` is told of a device of `awaitNear` that has come, also after the system started the app for
    /// it: begin a session. `limit`: a device that is silent for so long will not answer any more (the
    /// Attribute Protocol's own limit is 30 s).
    public init(port: any RadioPort, limit: Duration = .seconds(30), near: @escaping @Sendable (String) -> Void = { _ in }) {
        self.port = port
        self.limit = limit
        self.near = near
        port.tell(self)
    }

    /// Has the system wait for a device and keep the app for it, or start it again: once, until it came.
    /// Ask again after its session.
    public func awaitNear(_ peripheral: String) {
        let asks = state.with { state in
            state.awaited.insert(peripheral)
            return state.port == .on && state.links[peripheral] == nil
        }
        if asks { port.connect(peripheral) }
    }

    /// No longer waits for it.
    public func forgetNear(_ peripheral: String) {
        let idle = state.with { state in
            state.awaited.remove(peripheral)
            return state.links[peripheral] == nil
        }
        if idle { port.cancel(peripheral) }
    }

    // MARK: the vault asks

    public func scan(services: [UInt16]) async throws {
        try await ready()
        port.scan(services)
    }

    public func stopScan() async throws {
        if state.with({ $0.port == .on }) { port.stopScan() }
    }

    public func connect(peripheral: String) async throws -> RadioLink {
        try await ready()
        let stands = state.with { state in
            state.awaited.remove(peripheral)
            if let link = state.links[peripheral], link.stands { return true }
            state.links[peripheral] = Link()
            return false
        }
        do {
            if !stands {
                try await turn(peripheral, .connect) { [port] in port.connect(peripheral) }
            }
            try await turn(peripheral, .discover) { [port] in port.discover(peripheral) }
        } catch {
            drop(peripheral, error)
            throw error
        }
        let offered: [OfferedCharacteristic]? = state.with { state in
            guard state.links[peripheral] != nil else { return nil }
            state.links[peripheral]?.told = true
            return state.links[peripheral].map { Array($0.offered.values) }
        }
        guard let offered else { throw RadioError.Unreachable }
        inbox.onEvent(event: .connected(peripheral: peripheral))
        let order = { (it: OfferedCharacteristic) in UInt32(it.characteristic.service) << 16 | UInt32(it.characteristic.number) }
        return RadioLink(offered: offered.sorted { order($0) < order($1) }, bonded: false)
    }

    /// The system asks the person by itself when the device wants it; only whether there is a link is known.
    public func bond(peripheral: String) async throws {
        guard state.with({ $0.links[peripheral]?.stands == true }) else { throw RadioError.Unreachable }
    }

    /// The system lets nobody do this but the person, in its settings.
    public func unbond(peripheral: String) async throws { throw RadioError.Refused }

    public func read(peripheral: String, from: Characteristic) async throws -> Data {
        _ = try offered(peripheral, from)
        return try await turn(peripheral, .read(from)) { [port] in port.read(peripheral, from) }
    }

    public func write(peripheral: String, to: Characteristic, bytes: Data) async throws {
        let answers = try offered(peripheral, to).writesWithAnswer
        try await turn(peripheral, .write(to)) { [port] in port.write(peripheral, to, bytes, withAnswer: answers) }
    }

    public func subscribe(peripheral: String, to: Characteristic) async throws {
        guard try offered(peripheral, to).notifies else { throw RadioError.NotOffered }
        try await turn(peripheral, .subscribe(to)) { [port] in port.subscribe(peripheral, to) }
    }

    public func disconnect(peripheral: String) async throws {
        drop(peripheral, RadioError.Unreachable)
    }

    // MARK: the port tells

    public func changed(_ now: PortState) {
        let (waiting, gone, awaited) = state.with { state in
            state.port = now
            let waiting = now == .starting ? [] : state.waiting
            if now != .starting { state.waiting = [] }
            return (waiting, now == .on ? [] : Array(state.links.keys), now == .on ? state.awaited : [])
        }
        for peripheral in gone { forget(peripheral, now == .notAllowed ? .NotAllowed : .Off) }
        if now == .off { inbox.onEvent(event: .off) }
        for peripheral in awaited.sorted() { port.connect(peripheral) }
        waiting.forEach { $0.resume() }
    }

    public func found(_ device: FoundDevice) { inbox.onEvent(event: .found(device: device)) }

    /// Devices that the system kept for the app while it was away, linked or waited for. Told before `changed`.
    public func restored(_ peripherals: [String]) { state.with { $0.awaited.formUnion(peripherals) } }

    /// A link stands: one that was asked for, or one that was waited for. One that nobody wants any more is ended.
    public func connected(_ peripheral: String) {
        enum Kind { case asked, came, known, stray }
        let kind: Kind = state.with { state in
            if let link = state.links[peripheral] {
                if link.stands { return .known }
                state.links[peripheral]?.stands = true
                return .asked
            }
            guard state.awaited.remove(peripheral) != nil else { return .stray }
            state.links[peripheral] = Link(stands: true)
            return .came
        }
        switch kind {
        case .asked: answer(peripheral, .connect, .success(Data()))
        case .came: near(peripheral)
        case .stray: port.cancel(peripheral)
        case .known: break
        }
    }

    /// The link is gone or did not come to stand; `failure`: none when this side ended it.
    public func ended(_ peripheral: String, _ failure: RadioFailure?) {
        forget(peripheral, failure.map(refusal(of:)) ?? .Unreachable)
    }

    public func discovered(_ peripheral: String, _ result: Result<[OfferedCharacteristic], RadioFailure>) {
        if case .success(let offered) = result {
            state.with { state in
                let pairs = offered.map { ($0.characteristic, $0) }
                // two batteries of one device: the first is read
                state.links[peripheral]?.offered = Dictionary(pairs) { first, _ in first }
            }
        }
        answer(peripheral, .discover, result.map { _ in Data() })
    }

    public func wrote(_ peripheral: String, _ to: Characteristic, _ failure: RadioFailure?) {
        answer(peripheral, .write(to), failure.map { .failure($0) } ?? .success(Data()))
    }

    public func subscribed(_ peripheral: String, _ to: Characteristic, _ failure: RadioFailure?) {
        answer(peripheral, .subscribe(to), failure.map { .failure($0) } ?? .success(Data()))
    }

    /// A value came: the answer to a read, where one of it runs, or unasked. The system does not say which.
    public func updated(_ peripheral: String, _ from: Characteristic, _ result: Result<Data, RadioFailure>, at: Date) {
        if answer(peripheral, .read(from), result) { return }
        guard case .success(let bytes) = result else { return }
        let offered = state.with { $0.links[peripheral]?.offered[from] }
        guard let offered else { return }
        inbox.onEvent(event: .value(
            peripheral: peripheral, from: from, bytes: bytes, at: at, confirmed: offered.indicates))
    }

    // MARK: turns

    private func ready() async throws {
        if state.with({ $0.port == .starting }) {
            let overdue = Task { [limit, weak self] in
                try await Task.sleep(for: limit)
                self?.changed(.off)
            }
            await withCheckedContinuation { waits in
                let known = state.with { state in
                    if state.port == .starting { state.waiting.append(waits) }
                    return state.port != .starting
                }
                if known { waits.resume() }
            }
            overdue.cancel()
        }
        switch state.with({ $0.port }) {
        case .on: return
        case .notAllowed: throw RadioError.NotAllowed
        case .off, .starting: throw RadioError.Off
        }
    }

    private func offered(_ peripheral: String, _ wanted: Characteristic) throws -> OfferedCharacteristic {
        try state.with { state in
            if state.port != .on { throw state.port == .notAllowed ? RadioError.NotAllowed : .Off }
            guard let link = state.links[peripheral], link.stands else { throw RadioError.Unreachable }
            guard let offered = link.offered[wanted] else { throw RadioError.NotOffered }
            return offered
        }
    }

    /// CoreBluetooth does not say to which of two calls an answer belongs: each waits for the one before it.
    @discardableResult
    private func turn(_ peripheral: String, _ what: What, _ start: @escaping @Sendable () -> Void) async throws -> Data {
        do {
            return try await withCheckedThrowingContinuation { done in
                let lost = state.with { state in
                    guard state.links[peripheral] != nil else { return true }
                    state.turns += 1
                    state.links[peripheral]?.next.append(Turn(number: state.turns, what: what, start: start, done: done))
                    return false
                }
                if lost { done.resume(throwing: RadioError.Unreachable) } else { advance(peripheral) }
            }
        } catch let failure as RadioFailure {
            throw refusal(of: failure)
        }
    }

    private func advance(_ peripheral: String) {
        let turn: Turn? = state.with { state in
            guard let link = state.links[peripheral], link.running == nil, let turn = link.next.first else { return nil }
            state.links[peripheral]?.next.removeFirst()
            state.links[peripheral]?.running = turn
            return turn
        }
        guard let turn else { return }
        let clock = Task { [limit, weak self] in
            try await Task.sleep(for: limit)
            self?.overdue(peripheral, turn.number)
        }
        state.with { state in
            if state.links[peripheral]?.running?.number == turn.number { state.links[peripheral]?.clock = clock }
        }
        turn.start()
    }

    /// Whether something waited for it.
    @discardableResult
    private func answer(_ peripheral: String, _ what: What, _ result: Result<Data, RadioFailure>) -> Bool {
        let turn: Turn? = state.with { state in
            guard let turn = state.links[peripheral]?.running, turn.what == what else { return nil }
            state.links[peripheral]?.running = nil
            state.links[peripheral]?.clock?.cancel()
            return turn
        }
        guard let turn else { return false }
        turn.done.resume(with: result.mapError { $0 as any Error })
        advance(peripheral)
        return true
    }

    private func overdue(_ peripheral: String, _ number: UInt64) {
        if state.with({ $0.links[peripheral]?.running?.number == number }) { drop(peripheral, RadioError.Unreachable) }
    }

    /// Ends it on this side; only then do its callers go on, who may connect anew.
    private func drop(_ peripheral: String, _ error: any Error) {
        guard let link = taken(peripheral) else { return }
        port.cancel(peripheral)
        finish(peripheral, link, error as? RadioError ?? .Unreachable)
    }

    private func forget(_ peripheral: String, _ error: RadioError) {
        if let link = taken(peripheral) { finish(peripheral, link, error) }
    }

    private func taken(_ peripheral: String) -> Link? { state.with { $0.links.removeValue(forKey: peripheral) } }

    private func finish(_ peripheral: String, _ link: Link, _ error: RadioError) {
        link.clock?.cancel()
        for turn in [link.running].compactMap({ $0 }) + link.next { turn.done.resume(throwing: error) }
        if link.told { inbox.onEvent(event: .disconnected(peripheral: peripheral)) }
    }
}
