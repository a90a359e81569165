"""The air between the guest and the emulated devices: one controller for the guest, one for each device.

A bumble `LocalLink` that also loses a device: out of range, nothing passes either way and both ends
notice by their supervision timeout, as on a radio.
"""

import asyncio

from bumble import hci, ll
from bumble.controller import Controller
from bumble.link import LocalLink

GUEST_ADDRESS = '00:11:22:33:44:55'


class Air(LocalLink):
    def __init__(self):
        super().__init__()
        self.guest = None
        self.out_of_range = set()

    def add_guest(self, source, sink):
        self.guest = Controller(
            'guest', host_source=source, host_sink=sink, link=self,
            public_address=hci.Address(GUEST_ADDRESS, hci.Address.PUBLIC_DEVICE_ADDRESS))
        # Linux awaits the enhanced connection event of a controller that claims these; bumble
        # sends the plain one, and a disconnect would become "cancel create connection".
        mask = hci.LeFeatureMask
        self.guest.le_features &= ~(
            mask.LL_PRIVACY | mask.LE_EXTENDED_ADVERTISING | mask.LE_PERIODIC_ADVERTISING)

    def send_acl_data(self, sender_controller, destination_address, transport, data):
        # bumble stamps the sender's random address; Linux connects with its public one
        connection = sender_controller.le_connections.get(destination_address)
        to = self.find_le_controller(destination_address)
        if connection and to and not self._is_lost(sender_controller, to):
            asyncio.get_running_loop().call_soon(
                to.on_link_acl_data, connection.self_address, transport, data)

    def send_advertising_pdu(self, sender_controller, packet):
        if isinstance(packet, ll.ConnectInd):
            listeners = [self.find_le_controller(packet.advertiser_address)]
        else:
            listeners = [self.guest]
        for to in listeners:
            if to and to is not sender_controller and not self._is_lost(sender_controller, to):
                asyncio.get_running_loop().call_soon(to.on_ll_advertising_pdu, packet)

    def send_ll_control_pdu(self, sender_address, receiver_address, packet):
        sender = self.find_le_controller(sender_address)
        to = self.find_le_controller(receiver_address)
        if to and not self._is_lost(sender, to):
            asyncio.get_running_loop().call_soon(to.on_ll_control_pdu, sender_address, packet)

    def lose(self, controller):
        """Nothing passes to or from `controller` any more."""
        self.out_of_range.add(controller)

    def time_out(self, controller):
        """Both ends of what was connected to `controller` say so: connection timeout."""
        reason = hci.HCI_ErrorCode.CONNECTION_TIMEOUT_ERROR
        for connection in list(controller.le_connections.values()):
            other = self.find_le_controller(connection.peer_address)
            controller.on_le_disconnected(connection, reason)
            if other and (there := other.le_connections.get(connection.self_address)):
                other.on_le_disconnected(there, reason)

    def find(self, controller):
        """`controller` is in range again."""
        self.out_of_range.discard(controller)

    def _is_lost(self, *ends):
        return any(end in self.out_of_range for end in ends)
