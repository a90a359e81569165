#if canImport(UserNotifications)
    import Foundation
    import UserNotifications

    extension Notice {
        /// Shows it, where the person allows notifications; one that is shown already is not shown twice.
        public func show() async {
            let content = UNMutableNotificationContent()
            content.title = Bundle.module.localizedString(forKey: title, value: nil, table: nil)
            content.body = Bundle.module.localizedString(forKey: text, value: nil, table: nil)
            content.threadIdentifier = name
            let center = UNUserNotificationCenter.current()
            guard await center.notificationSettings().authorizationStatus == .authorized else { return }
            try? await center.add(UNNotificationRequest(identifier: name, content: content, trigger: nil))
        }

        /// Takes it away.
        public func withdraw() {
            UNUserNotificationCenter.current().removeDeliveredNotifications(withIdentifiers: [name])
        }

        private var name: String { "health.vitalwitness.\(rawValue)" }
    }
#endif
