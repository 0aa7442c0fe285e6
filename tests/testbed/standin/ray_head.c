#include "ray.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Tells a node how many it has to run. */
static void
tell_used(struct peer *p)
{
	if (p->fd == -2)
		run_actors(p->used);
	else if (p->fd >= 0)
		send_text(p->fd, "RUN %d\n", p->used);
}

/* A process of a lease died on that node: the lease hears of it, unless nobody notices. */
static void
actor_died(struct peer *p)
{
	size_t at = (size_t)(p - ray_peers);

	p->used -= p->used > 0;
	for (size_t i = 0; i < MAX_PEERS; i++) {
		if (ray_peers[i].role != LEASE || ray_peers[i].fd < 0 || !ray_peers[i].take[at])
			continue;
		ray_peers[i].take[at]--;
		if (!demand("blind"))
			send_text(ray_peers[i].fd, "LOST %zu %s\n", at, p->address);
		return;
	}
}

static void
drop(struct peer *p)
{
	size_t at = (size_t)(p - ray_peers);

	if (p->role == LEASE)
		for (size_t i = 0; i < MAX_PEERS; i++) {
			ray_peers[i].used -= p->take[i];
			if (p->take[i])
				tell_used(&ray_peers[i]);
		}
	for (size_t i = 0; p->role == NODE && i < MAX_PEERS; i++) {
		if (ray_peers[i].role == LEASE && ray_peers[i].fd >= 0 && ray_peers[i].take[at]) {
			ray_peers[i].take[at] = 0;
			send_text(ray_peers[i].fd, "LOST %zu %s\n", at, p->address);
		}
	}
	close(p->fd);
	*p = (struct peer){ .fd = -1 };
}

/* Give a waiting lease its GPUs when enough are free, this machine's first. */
static void
grant(struct peer *lease)
{
	int free_gpus = 0, left = lease->want;

	for (size_t i = 0; i < MAX_PEERS; i++)
		if (ray_peers[i].role == NODE && ray_peers[i].fd != -1)
			free_gpus += ray_peers[i].gpus - ray_peers[i].used;
	if (lease->granted || free_gpus < left)
		return;
	for (size_t i = 0; i < MAX_PEERS && left; i++) {
		if (ray_peers[i].role != NODE || ray_peers[i].fd == -1)
			continue;
		int n = ray_peers[i].gpus - ray_peers[i].used;
		n = n < left ? n : left;
		ray_peers[i].used += lease->take[i] = n;
		left -= n;
		if (n)
			tell_used(&ray_peers[i]);
	}
	lease->granted = true;
	send_text(lease->fd, "OK\n");
}

static void
print_status(int fd)
{
	int gpus = 0, used = 0, nodes = 0, want = 0;

	send_text(fd, "======== Autoscaler status: %s ========\nNode status\n"
		  "---------------------------------------------------------------\nActive:\n",
		  stamp("%Y-%m-%d %H:%M:%S", '.', 6));
	for (size_t i = 0; i < MAX_PEERS; i++) {
		if (ray_peers[i].role == NODE && ray_peers[i].fd != -1) {
			send_text(fd, " 1 node_%s\n", ray_peers[i].id);
			nodes++;
			gpus += ray_peers[i].gpus;
			used += ray_peers[i].used;
		} else if (ray_peers[i].role == LEASE && !ray_peers[i].granted) {
			want = ray_peers[i].want;
		}
	}
	send_text(fd, "Pending:\n (no pending nodes)\nRecent failures:\n (no failures)\n\n"
		  "Resources\n---------------------------------------------------------------\n"
		  "Total Usage:\n 0.0/%d.0 CPU\n", 2 * nodes);
	if (gpus && used)
		send_text(fd, " %d.0/%d.0 GPU (%d.0 used of %d.0 reserved in placement "
			  "groups)\n", used, gpus, used, used);
	else if (gpus)
		send_text(fd, " 0.0/%d.0 GPU\n", gpus);
	send_text(fd, " 0B/18.59GiB memory\n 0B/190.73MiB object_store_memory\n\n"
		  "From request_resources:\n (none)\nPending Demands:\n");
	if (want)
		send_text(fd, " {'GPU': 1.0} * %d (PACK): 1+ pending placement groups\n", want);
	else
		send_text(fd, " (no resource demands)\n");
}

static void
hear(struct peer *p)
{
	char line[256];

	if (!recv_line(p->fd, line, sizeof line, 1000)) {
		drop(p);
		return;
	}
	p->observed = now_ms();
	if (p->role == NODE && strcmp(line, "DIED") == 0)
		actor_died(p);
	if (p->role != FRESH)
		return;                 /* a beat */
	if (sscanf(line, "JOIN %56s %63s %d", p->id, p->address, &p->gpus) == 3) {
		p->role = NODE;
		send_text(p->fd, "%s\n", ray_folder);
	} else if (sscanf(line, "LEASE %d", &p->want) == 1) {
		p->role = LEASE;
		grant(p);
		if (!p->granted)
			send_text(p->fd, "WAIT\n");
	} else {
		if (strcmp(line, "STATUS") == 0)
			print_status(p->fd);
		else if (strcmp(line, "HEALTH") == 0)
			send_text(p->fd, "OK\n");
		drop(p);
	}
}

static void
welcome(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return;
	for (size_t i = 1; i < MAX_PEERS; i++) {
		if (ray_peers[i].fd == -1) {
			ray_peers[i] = (struct peer){ .fd = fd, .observed = now_ms() };
			return;
		}
	}
	close(fd);
}

void
head_loop(int listener)
{
	for (;;) {
		struct pollfd p[MAX_PEERS + 1];
		size_t who[MAX_PEERS + 1], n = 0;

		for (int died = actors_died(); died; died--)
			actor_died(&ray_peers[0]);
		for (size_t i = 0; i < MAX_PEERS; i++) {
			if (ray_peers[i].fd >= 0 && ray_peers[i].role != LEASE &&
			    now_ms() - ray_peers[i].observed > SILENCE_MS)
				drop(&ray_peers[i]);
			if (ray_peers[i].fd < 0)
				continue;
			if (ray_peers[i].role == LEASE)
				grant(&ray_peers[i]);
			who[n] = i;
			p[n++] = (struct pollfd){ .fd = ray_peers[i].fd, .events = POLLIN };
		}
		p[n] = (struct pollfd){ .fd = listener, .events = POLLIN };
		if (poll(p, n + 1, 200) <= 0)
			continue;
		if (p[n].revents)
			welcome(listener);
		for (size_t i = 0; i < n; i++)
			if (p[i].revents && ray_peers[who[i]].fd == p[i].fd)
				hear(&ray_peers[who[i]]);
	}
}
