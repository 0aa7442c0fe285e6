/* A client for ssh-agent that does not block. */
#include "executors/ssh/ssh_agent.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "executors/ssh/ssh_bytes.h"
#include "executors/ssh/ssh_key.h"
#include "planner/base/arena.h"

enum {
	ASK_LIST = 11,
	LIST = 12,
	ASK_SIGN = 13,
	SIGNATURE = 14,
	RSA_SHA2_512 = 4,
	ANSWER_MAX = 256 * 1024,
	KEYS_MAX = 256,
};

struct ssh_agent {
	struct loop *loop;
	int fd;
	struct str out, in;
	void (*answered)(void *arg, const void *agent_answer, size_t n);
	void *arg;
};

static void
agent_answer(struct ssh_agent *a, const void *p, size_t n)
{
	void (*answered)(void *, const void *, size_t) = a->answered;

	a->answered = NULL;
	if (answered)
		answered(a->arg, p, n);
}

static void
agent_on(void *arg, short revents)
{
	struct ssh_agent *a = arg;
	char buf[4096];
	ssize_t n = 0;

	if (a->out.len && (revents & POLLOUT)) {
		n = send(a->fd, a->out.buf, a->out.len, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n > 0)
			str_drop(&a->out, (size_t)n);
		if (!a->out.len)
			loop_fd(a->loop, a->fd, POLLIN, agent_on, a);
	}
	while ((n = recv(a->fd, buf, sizeof buf, MSG_DONTWAIT)) > 0 && a->in.len <= ANSWER_MAX)
		str_add(&a->in, buf, (size_t)n);
	if (a->in.len >= 4) {
		struct fields f = fields_of(a->in.buf, a->in.len);
		size_t len;
		const unsigned char *p = fields_string(&f, &len);

		if (!f.bad && len) {
			/* answered() may close the agent, so the answer must not be part of it. */
			struct str whole = a->in;

			a->in = (struct str){0};
			agent_answer(a, p, len);
			str_release(&whole);
			return;
		}
	}
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR) || a->in.len > ANSWER_MAX) {
		loop_fd(a->loop, a->fd, 0, NULL, NULL);
		agent_answer(a, NULL, 0);
	}
}

struct ssh_agent *
ssh_agent_open(struct loop *l, const char *path, struct err *e)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int fd;

	if (strlen(path) >= sizeof sa.sun_path) {
		err_set(e, "the path of its socket is too long");
		errno = ENAMETOOLONG;
		return NULL;
	}
	memcpy(sa.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&sa, sizeof sa) < 0) {
		int code = errno;

		err_sys(e, "connect to '%s'", path);
		if (fd >= 0)
			close(fd);
		errno = code;
		return NULL;
	}
	struct ssh_agent *a = xcalloc(1, sizeof *a);

	*a = (struct ssh_agent){.loop = l, .fd = fd};
	return a;
}

static void
agent_ask(struct ssh_agent *a, const struct str *body,
	  void (*answered)(void *, const void *, size_t), void *arg)
{
	put_string(&a->out, body->buf, body->len);
	a->answered = answered;
	a->arg = arg;
	loop_fd(a->loop, a->fd, POLLIN | POLLOUT, agent_on, a);
}

void
ssh_agent_list(struct ssh_agent *a, void (*answered)(void *, const void *, size_t), void *arg)
{
	struct str body = {0};

	str_putc(&body, ASK_LIST);
	agent_ask(a, &body, answered, arg);
	str_release(&body);
}

void
ssh_agent_sign(struct ssh_agent *a, const struct str *blob, const void *data, size_t n,
	       void (*answered)(void *, const void *, size_t), void *arg)
{
	struct str body = {0};
	char type[64];

	ssh_key_type(blob->buf, blob->len, type, sizeof type);
	str_putc(&body, ASK_SIGN);
	put_string(&body, blob->buf, blob->len);
	put_string(&body, data, n);
	put_u32(&body, strcmp(type, "ssh-rsa") == 0 ? RSA_SHA2_512 : 0);
	agent_ask(a, &body, answered, arg);
	str_release(&body);
}

void
ssh_agent_close(struct ssh_agent *a)
{
	if (!a)
		return;
	loop_fd(a->loop, a->fd, 0, NULL, NULL);
	close(a->fd);
	str_release(&a->out);
	str_release(&a->in);
	free(a);
}

bool
ssh_agent_key(const void *list, size_t n, size_t *at, struct str *blob, char *comment,
	      size_t size)
{
	struct fields f = fields_of(list, n);
	size_t len = 0;

	if (fields_byte(&f) != LIST)
		return false;
	uint32_t count = fields_u32(&f);

	if (*at >= count || *at >= KEYS_MAX)
		return false;
	for (size_t i = 0; i <= *at; i++) {
		const unsigned char *p = fields_string(&f, &len), *c;
		size_t clen;

		c = fields_string(&f, &clen);
		if (f.bad)
			return false;
		if (i < *at)
			continue;
		str_reset(blob);
		str_add(blob, p, len);
		clen = clen < size ? clen : size - 1;
		memcpy(comment, c, clen);
		comment[clen] = '\0';
	}
	++*at;
	return true;
}

bool
ssh_agent_signature(const void *reply, size_t n, const char *algorithm, struct str *sig)
{
	struct fields f = fields_of(reply, n), in;
	size_t len;
	const unsigned char *p;
	char name[64];

	if (fields_byte(&f) != SIGNATURE)
		return false;
	p = fields_string(&f, &len);
	in = fields_of(p, len);
	fields_text(&in, name, sizeof name);
	p = fields_string(&in, &len);
	if (f.bad || in.bad || strcmp(name, algorithm) != 0)
		return false;
	str_add(sig, p, len);
	return true;
}
