# What the tests of images share: containers from namespaces, where the machine permits them. The caller defines `die`.

# enter_namespaces <script> <arguments…> runs the script in namespaces of its own, in which it is root.
enter_namespaces() {
  [ "${INSIDE:-}" != yes ] || return 0
  local user=(--user --map-root-user) needs
  [ "$(id -u)" != 0 ] || user=()
  # What the tests need of the machine, without the tests.
  needs='mount -t tmpfs tmpfs /run && ip netns add a && ip link add name b type veth peer name c netns a'
  if ! command -v ip >/dev/null || ! unshare "${user[@]}" --net --mount --pid --fork --mount-proc sh -c "$needs" 2>/dev/null; then
    echo "${1##*/}: not run: this machine has no iproute2 or permits no namespaces" >&2
    exit 0
  fi
  INSIDE=yes exec unshare "${user[@]}" --net --mount --pid --fork --kill-child --mount-proc "$@"
}

# connect <server> <client> makes the network of two containers: 192.0.2.2 and 192.0.2.3. As in a network of Docker, other
# addresses have a route; here, nothing answers there.
connect() {
  local name number=2
  mount -t tmpfs tmpfs /run # `ip` keeps the names of its namespaces there
  ip netns add "$1"
  ip netns add "$2"
  ip link add name eth0 netns "$1" type veth peer name eth0 netns "$2"
  for name in "$1" "$2"; do
    ip -n "$name" address add "192.0.2.$number/24" dev eth0
    ip -n "$name" link set eth0 up
    ip -n "$name" link set lo up
    ip -n "$name" route add default dev eth0
    number=$((number + 1))
  done
}

# in_container <name> <command…> runs a command there, for which only the names of $hosts lead to an address.
in_container() {
  ip netns exec "$1" unshare --mount bash -c 'mount --bind "$1" /etc/hosts && shift && exec "$@"' - "$hosts" "${@:2}"
}

# add_devices <root> adds some of the devices that the OCI runtime specification requires.
add_devices() {
  local device
  install -d "$1/dev"
  for device in null random urandom zero; do
    touch "$1/dev/$device"
    mount --bind "/dev/$device" "$1/dev/$device"
  done
}

# stop_container <process of unshare> sends SIGTERM to the first process of a container, as Docker does, and sets $took to
# the milliseconds until it ended. Docker sends SIGKILL ten seconds later.
stop_container() {
  local sent=${EPOCHREALTIME/./}
  kill -TERM "$(pgrep -P "$1")"
  timeout 10 tail -s 0.01 --pid="$1" -f /dev/null || die "it did not end within 10 s after SIGTERM"
  wait "$1" || die "the first process exited with $?"
  took=$(((${EPOCHREALTIME/./} - sent) / 1000))
  ((took < 1000)) || die "it took $took ms to stop"
}
