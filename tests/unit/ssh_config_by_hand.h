#ifndef SSH_CONFIG_BY_HAND_H
#define SSH_CONFIG_BY_HAND_H

/* A configuration of ssh that a test writes, and what dray reads in it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "executors/ssh/ssh_config.h"
#include "planner/base/str.h"

static inline const char *
environment(const char *name)
{
	return strcmp(name, "KEYS") == 0 ? "/keys" : NULL;
}

static const struct ssh_source source = {.dir = "/home/me/.ssh"};

static inline bool
read_all(struct ssh_config *c, const char *text, struct err *e)
{
	return ssh_config_read(c, "config", &source, text, strlen(text), e) &&
	       (!c->want_final ||
		(ssh_config_again(c, e) &&
		 ssh_config_read(c, "config", &source, text, strlen(text), e))) &&
	       ssh_config_finish(c, e);
}

/* What the text of a file says about a host. */
static inline struct ssh_config
ask(struct arena *a, const char *host, const char *text)
{
	struct ssh_config c = {.arena = a, .host = host, .home = "/home/me",
			       .local_user = "me", .env = environment};
	struct err e = {0};

	if (!read_all(&c, text, &e))
		fail_msg("'%s' for '%s': %s", text, host, e.text);
	return c;
}

#endif
