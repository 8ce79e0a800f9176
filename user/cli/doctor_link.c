/* SPDX-License-Identifier: BSD-2-Clause */
/* What doctor says about interfaces: driver, MTU, offloads, queues, topology, and who else has XDP there. */
#include <dirent.h>
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli/doctor.h"
#include "daemon/setup.h"

/* A page less XDP headroom (256) and the tail of an skb (320): above it packets have fragments. */
#define MTU_ONE_BUFFER 3498

/* Drivers of Linux 6.1 and later that run XDP themselves, as ETHTOOL_GDRVINFO names them. */
static const char *const native_drivers[] = {
	"veth",	   "virtio_net", "tun",		  "bonding",   "ixgbe",		"ixgbevf",
	"i40e",	   "ice",	 "igb",		  "igc",       "mlx4_en",	"mlx5_core",
	"ena",	   "gve",	 "bnxt_en",	  "nfp",       "qede",		"sfc",
	"mvneta",  "mvpp2",	 "hv_netvsc",	  "vif",       "vmxnet3",	"stmmac",
	"st_gmac", "mana",	 "fsl_dpaa2_eth", "fsl_enetc", "thunder-nicvf", "octeontx2-nic",
};

static int ethtool(const char *name, void *command)
{
	struct ifreq request = {0};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), rc;

	if (fd < 0)
		return -errno;
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	request.ifr_data = command;
	rc = ioctl(fd, SIOCETHTOOL, &request) ? -errno : 0;
	close(fd);
	return rc;
}

static bool is_native_driver(const char *driver)
{
	for (unsigned i = 0; i < sizeof(native_drivers) / sizeof(*native_drivers); i++)
		if (strcmp(native_drivers[i], driver) == 0)
			return true;
	return false;
}

static void check_driver(struct doctor *d, const struct net_link *link)
{
	struct ethtool_drvinfo info = {.cmd = ETHTOOL_GDRVINFO};
	char driver[sizeof(info.driver) + 1] = "";

	if (ethtool(link->name, &info) == 0)
		memcpy(driver, info.driver, sizeof(info.driver));
	if (!driver[0])
		doctor_say(d, HEALTH_WARN, "driver",
			   "%s: it does not say its driver: generic mode "
			   "will be used if native is refused",
			   link->name);
	else if (is_native_driver(driver))
		doctor_say(d, HEALTH_OK, "driver", "%s: %s has native XDP", link->name, driver);
	else
		doctor_say(d, HEALTH_WARN, "driver",
			   "%s: %s is not known to have native XDP: generic mode works, but costs "
			   "more per packet",
			   link->name, driver);
}

static void check_mtu(struct doctor *d, const struct net_link *link)
{
	if (link->mtu <= MTU_ONE_BUFFER)
		doctor_say(d, HEALTH_OK, "mtu", "%s: %u", link->name, link->mtu);
	else
		doctor_say(d, HEALTH_WARN, "mtu",
			   "%s: %u needs a driver with multi-buffer XDP (virtio lacks it before "
			   "6.3); where native mode is refused for it, set %d or less",
			   link->name, link->mtu, MTU_ONE_BUFFER);
}

static int link_is_vlan(void *context, const struct net_link *link)
{
	(void)context;
	return strcmp(link->kind, "vlan") == 0;
}

static void check_offloads(struct doctor *d, const struct net_link *link)
{
	struct ethtool_value flags = {.cmd = ETHTOOL_GFLAGS};
	struct ethtool_value gro = {.cmd = ETHTOOL_GGRO};
	bool bad = false;

	if (ethtool(link->name, &flags)) {
		doctor_say(d, HEALTH_WARN, "offloads", "%s: it does not say its offloads",
			   link->name);
		return;
	}
	if (flags.data & ETH_FLAG_LRO) {
		doctor_say(d, HEALTH_WARN, "lro",
			   "%s: large receive offload is on, with which most drivers refuse native "
			   "XDP: ethtool -K %s lro off",
			   link->name, link->name);
		bad = true;
	}
	if ((flags.data & ETH_FLAG_RXVLAN) && net_each_link(link_is_vlan, NULL, NULL) > 0) {
		doctor_say(d, HEALTH_WARN, "vlan",
			   "%s: it takes VLAN tags off before XDP sees the packet, so that resets "
			   "(refuse) leave without them: ethtool -K %s rxvlan off",
			   link->name, link->name);
		bad = true;
	}
	if (!bad)
		doctor_say(d, HEALTH_OK, "offloads", "%s: none in the way (GRO is %s)", link->name,
			   ethtool(link->name, &gro) == 0 && gro.data ? "on" : "off");
}

static unsigned queues_count(const char *name)
{
	char path[64 + IFNAMSIZ];
	struct dirent *entry;
	unsigned count = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/sys/class/net/%s/queues", name);
	dir = opendir(path);
	while (dir && (entry = readdir(dir)))
		count += strncmp(entry->d_name, "rx-", 3) == 0;
	if (dir)
		closedir(dir);
	return count;
}

static void check_queues(struct doctor *d, const struct net_link *link)
{
	unsigned queues = queues_count(link->name);
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	/* 0: sysfs shows another network namespace. */
	if (queues)
		doctor_say(d, HEALTH_OK, "queues", "%s: %u receive queue%s for %ld CPU%s",
			   link->name, queues, plural(queues), cpus, plural((uint64_t)cpus));
}

static void check_topology(struct doctor *d, const struct net_link *link)
{
	struct net_link master;

	if (strcmp(link->kind, "bond") == 0)
		doctor_say(d, HEALTH_WARN, "topology",
			   "%s is a bond: guard its members instead, so that native mode is had",
			   link->name);
	else if (strcmp(link->kind, "bridge") == 0)
		doctor_say(
			d, HEALTH_WARN, "topology",
			"%s is a bridge: only generic mode sees what it delivers here; guard the "
			"port that faces the world",
			link->name);
	else if (link->master && net_link_by_index(link->master, &master, NULL) == 0 &&
		 strcmp(master.kind, "bond") == 0)
		doctor_say(d, HEALTH_OK, "topology",
			   "%s is a member of the bond %s: guard each of its members", link->name,
			   master.name);
	if (!link->up)
		doctor_say(d, HEALTH_WARN, "link", "%s is down", link->name);
}

struct own_link {
	const char *name;
	bool found;
};

static int own_link_look(void *context, const struct gate_link *link)
{
	struct own_link *own = context;

	own->found |= link->ifindex && strcmp(link->name, own->name) == 0;
	return 0;
}

static void check_xdp(struct doctor *d, const struct net_link *link)
{
	struct own_link own = {.name = link->name};
	int id = doctor_xdp_program(link->ifindex);

	if (d->gate)
		(void)gate_each_link(d->gate, own_link_look, &own, NULL);
	if (id < 0)
		doctor_say(d, HEALTH_WARN, "xdp", "%s: cannot ask who has XDP there: %s",
			   link->name, strerror(-id));
	else if (own.found)
		doctor_say(d, HEALTH_OK, "xdp", "%s: guarded by this instance", link->name);
	else if (id)
		doctor_say(
			d, HEALTH_FAIL, "xdp",
			"%s: another XDP program sits there (bpftool prog show id %d says which): "
			"one program an interface; detach it first",
			link->name, id);
	else
		doctor_say(d, HEALTH_OK, "xdp", "%s: free", link->name);
}

static void check_link(struct doctor *d, const struct net_link *link)
{
	if (!link->ethernet) {
		doctor_say(d, HEALTH_FAIL, "link",
			   "%s has no Ethernet header (tun, wireguard, ppp): it cannot be guarded; "
			   "guard the interface beneath, or what arrives through it stays unjudged",
			   link->name);
		return;
	}
	check_driver(d, link);
	check_mtu(d, link);
	check_offloads(d, link);
	check_queues(d, link);
	check_topology(d, link);
	check_xdp(d, link);
}

static int container_bridge(void *context, const struct net_link *link)
{
	static const char *const names[] = {"docker", "br-", "podman", "cni", "lxcbr", "virbr"};

	if (strcmp(link->kind, "bridge") != 0)
		return 0;
	for (unsigned i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (strncmp(link->name, names[i], strlen(names[i])) == 0) {
			doctor_say(
				context, HEALTH_OK, "topology",
				"%s is a bridge of containers or virtual machines: a mail server "
				"behind it needs namespaces in the configuration",
				link->name);
			break;
		}
	return 0;
}

void doctor_links(struct doctor *d)
{
	const struct conf *c = &d->cli->conf;
	int ifindexes[SETUP_LINKS_MAX];
	unsigned count = setup_guarded(d->gate, c, ifindexes, SETUP_LINKS_MAX);
	struct net_link link;
	struct err e = {0};

	for (unsigned i = 0; i < c->interface_count; i++)
		if (net_link_by_name(c->interfaces[i], &link, &e))
			doctor_say(d, HEALTH_WARN, "link", "%s: `postern run` waits for it",
				   e.text);
	if (!count && !c->interface_count)
		doctor_say(
			d, HEALTH_FAIL, "link",
			"no default route and no interfaces in the configuration: name them there "
			"(interfaces)");
	for (unsigned i = 0; i < count; i++)
		if (net_link_by_index(ifindexes[i], &link, NULL) == 0)
			check_link(d, &link);
	(void)net_each_link(container_bridge, d, NULL);
}
