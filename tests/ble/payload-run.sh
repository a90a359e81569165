# The payload's part, read by init: joins the air, then runs the scenes.
for port in /sys/class/virtio-ports/*; do
  case $(cat "$port/name" 2>/dev/null) in
    hci) hci=/dev/${port##*/} ;;
    steer) steer=/dev/${port##*/} ;;
  esac
done
if [ -z "$hci" ]; then # user-mode Linux
  hci=/dev/ttyS0 steer=/dev/ttyS1
  stty -F $hci raw -echo
  stty -F $steer raw -echo
fi
. /t/settings
date -u -s "${now%T*} ${now#*T}" >/dev/null
/t/vhci-relay $hci &
SHOW=$show /t/ble-guest $steer "$tick_ms" $scenes
