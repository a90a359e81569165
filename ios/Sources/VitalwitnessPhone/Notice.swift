import Foundation

/// All this library ever notifies of. There is no way to add words: a notification is read over shoulders
/// and by other devices, so none names a value, a device, a person or an organisation.
public enum Notice: String, CaseIterable, Sendable {
    /// Somebody asks to see something.
    case request
    /// The sync cannot go on without the person.
    case attention

    /// Keys of its words in `Resources/*.lproj/Localizable.strings`.
    var title: String { "\(rawValue).title" }
    var text: String { "\(rawValue).text" }
}
