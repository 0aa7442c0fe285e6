#include "standin.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void
say(const char *level, const char *where, const char *text)
{
	printf("(Worker pid=%d) %s %s [%s] %s\n", (int)getpid(), level,
	       stamp("%m-%d %H:%M:%S", ' ', 0), where, text);
}

static bool
is(const char *name, const char *alias, const char *option, size_t n)
{
	return (strlen(name) == n && strncmp(name, option, n) == 0) ||
	       (strlen(alias) == n && strncmp(alias, option, n) == 0);
}

bool
ranks_option(struct ranks *r, const char *option, size_t n, const char *value)
{
	if (is("--nnodes", "-n", option, n))
		r->nnodes = atoi(value);
	else if (is("--node-rank", "-r", option, n))
		r->rank = atoi(value);
	else if (is("--master-addr", "--master_addr", option, n))
		r->master = value;
	else if (is("--master-port", "--master_port", option, n))
		r->port = atoi(value);
	else if (is("--data-parallel-size", "-dp", option, n))
		r->data = atoi(value);
	else if (is("--data-parallel-size-local", "-dpl", option, n))
		r->local = atoi(value);
	else if (is("--data-parallel-start-rank", "-dpr", option, n))
		r->start = atoi(value);
	else if (is("--data-parallel-address", "-dpa", option, n))
		r->address = value;
	else if (is("--data-parallel-rpc-port", "-dpp", option, n))
		r->rpc_port = atoi(value);
	else
		return false;
	return true;
}

static int
others(const struct ranks *r)
{
	if (r->nnodes > 1)
		return r->nnodes - 1;
	return r->data > 1 && r->local ? (r->data - r->local) / r->local : 0;
}

bool
ranks_check(struct ranks *r, int world, const char *backend)
{
	r->data = r->data ? r->data : 1;
	if (r->nnodes > 1 && strcmp(backend, "ray") == 0)
		puts("Value error, nnodes > 1 can only be set when distributed executor backend is mp, "
		     "uni or external_launcher.");
	else if (r->nnodes > 1 && world * r->data % r->nnodes)
		printf("ValueError: Invalid data-parallel launch options: `--nnodes %d` must evenly "
		       "divide the total world size (%d).\n", r->nnodes, world * r->data);
	else if (r->nnodes > 1 && (r->rank < 0 || r->rank >= r->nnodes))
		printf("ValueError: `--node-rank` must be between 0 and %d\n", r->nnodes - 1);
	else
		return true;
	return false;
}

bool
ranks_native(const struct ranks *r, const char *backend)
{
	return strcmp(backend, "mp") == 0 || r->nnodes > 1 || r->data > 1;
}

/* Where they meet; in a static buffer. */
static const char *
meeting(const struct ranks *r)
{
	static char at[128];

	if (r->nnodes > 1)
		snprintf(at, sizeof at, "%s:%d", r->master ? r->master : "127.0.0.1",
			 r->port ? r->port : 29501);
	else
		snprintf(at, sizeof at, "%s:%d", r->address ? r->address : "127.0.0.1",
			 r->rpc_port ? r->rpc_port : 29550);
	return at;
}

/* What goes wrong before they meet. */
static void
misbehave(const struct ranks *r)
{
	if (demand("rank-die")) {
		say("ERROR", "multiproc_executor.py:953", "torch.OutOfMemoryError: CUDA out of memory. "
		    "Tried to allocate 896.00 MiB. GPU 0 has a total capacity of 139.81 GiB");
		puts("RuntimeError: Engine core initialization failed. See root cause above. Failed "
		     "core proc(s): {}");
		exit(1);
	}
	while (demand("rank-silent") && !*r->stopping)
		sleep_ms(100);
}

/* What NCCL writes with NCCL_DEBUG=INFO, where there is nothing better than sockets. */
static void
tell_transport(const char *host)
{
	const char *debug = getenv("NCCL_DEBUG"), *interface = getenv("NCCL_SOCKET_IFNAME");

	if (!debug || strcmp(debug, "INFO") != 0)
		return;
	printf("n:1:1 [0] NCCL INFO NET/Socket : Using [0]%s:%s<0>\n",
	       interface ? interface + strspn(interface, "=") : "eth0", host);
	printf("n:1:1 [0] NCCL INFO Using network Socket\n");
}

bool
ranks_gather(struct ranks *r)
{
	char text[256], line[64], host[128];
	int listener;

	if (!others(r))
		return true;
	snprintf(text, sizeof text, "world_size=%d rank=0 local_rank=0 distributed_init_method=tcp://%s "
		 "backend=nccl", others(r) + 1, meeting(r));
	misbehave(r);
	say("INFO", "parallel_state.py:1906", text);
	snprintf(host, sizeof host, "%s", meeting(r));
	*strrchr(host, ':') = '\0';
	listener = tcp_listen(host, atoi(strrchr(meeting(r), ':') + 1));
	if (listener < 0) {
		printf("torch.distributed.DistNetworkError: The server socket has failed to listen on "
		       "any local network address. %s is in use\n", meeting(r));
		return false;
	}
	while (r->n < others(r) && r->n < 64 && !*r->stopping) {
		struct pollfd p = {.fd = listener, .events = POLLIN};

		if (poll(&p, 1, 200) <= 0)
			continue;
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		if (fd >= 0 && recv_line(fd, line, sizeof line, 2000) && strncmp(line, "RANK ", 5) == 0)
			r->fd[r->n++] = fd;
		else if (fd >= 0)
			close(fd);
	}
	tell_transport(host);
	return !*r->stopping;
}

bool
ranks_join(struct ranks *r)
{
	long long began = now_ms();
	char text[256];

	snprintf(text, sizeof text, "Launching vLLM (v0.32.0) headless multiproc executor, with head node "
		 "address %s for torch.distributed process group.", meeting(r));
	say("INFO", "serve.py:224", text);
	misbehave(r);
	while (!*r->stopping && now_ms() - began < 120000) {
		int fd = tcp_dial(meeting(r), 500);

		if (fd >= 0 && send_text(fd, "RANK %d\n", r->nnodes > 1 ? r->rank : r->start)) {
			r->fd[r->n++] = fd;
			return true;
		}
		if (fd >= 0)
			close(fd);
		sleep_ms(100);
	}
	return false;
}

void
ranks_tell_loaded(struct ranks *r)
{
	send_text(r->fd[0], "LOADED\n");
}

bool
ranks_loaded(struct ranks *r)
{
	char line[64];

	for (int i = 0; i < r->n; i++)
		while (!recv_line(r->fd[i], line, sizeof line, 200)) {
			if (*r->stopping)
				return false;
			sleep_ms(50);
		}
	return true;
}

bool
ranks_whole(const struct ranks *r)
{
	for (int i = 0; i < r->n; i++) {
		struct pollfd p = {.fd = r->fd[i], .events = POLLIN};

		if (poll(&p, 1, 0) > 0) {
			say("ERROR", "multiproc_executor.py:310", "RuntimeError: [gloo] Connection closed by "
			    "peer");
			return false;
		}
	}
	return true;
}
