# debian.sh: what the scripts have in common that make container images out of
# Debian's packages; they read it with ".". MUSTER_DEBIAN_MIRROR names another
# mirror.

fail() {
	echo "${0##*/}: $1" >&2
	exit 1
}

# need_debian makes sure that images can be made here.
need_debian() {
	[ "$(id -u)" = 0 ] || fail "must run as root: debootstrap makes a root file system"
	docker info >/dev/null 2>&1 || fail "no Docker engine answers; start one"
}

# bootstrap PACKAGES makes a root file system in a temporary directory, $root,
# which who calls it must remove. It installs debootstrap if apt-get is there.
bootstrap() {
	if ! command -v debootstrap >/dev/null; then
		command -v apt-get >/dev/null || fail "debootstrap is missing; install it"
		apt-get update -qq >&2 && apt-get install -y -qq debootstrap >&2 ||
			fail "debootstrap cannot be installed"
	fi
	root=$(mktemp -d)
	debootstrap --variant=minbase --include="$1" bookworm "$root" \
		"${MUSTER_DEBIAN_MIRROR:-http://deb.debian.org/debian}" >&2 ||
		fail "debootstrap failed; MUSTER_DEBIAN_MIRROR names another mirror"
	rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/*
}
