/* Keeps traffic between the nodes away from an HTTP proxy. */
#include "planner/steps/proxy.h"

#include <string.h>

#include "planner/base/vec.h"
#include "planner/runtimes/runtime.h"

enum { SAID_MOST = 100, SAID_LONGEST = 253 };

static const char *const proxy_names[] = {
	"http_proxy", "https_proxy", "all_proxy", "grpc_proxy",
	"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "GRPC_PROXY",
};
static const char *const proxy_without[] = {"no_proxy", "NO_PROXY"};

struct proxy_list {
	const char **v;
	size_t n, cap;
};

static bool
proxy_has(const struct proxy_list *l, const char *host)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->v[i], host) == 0 || strcmp(l->v[i], "*") == 0)
			return true;
	return false;
}

static void
proxy_add(struct arena *a, struct proxy_list *l, const char *text)
{
	char *save = NULL;

	for (char *word = strtok_r(arena_strdup(a, text), ", ", &save); word;
	     word = strtok_r(NULL, ", ", &save))
		if (!proxy_has(l, word))
			*vec_push(a, l) = word;
}

/* "NAME=VALUE", perhaps behind an option. */
static bool
proxy_sets(const char *word, const char *name)
{
	const char *at = strstr(word, name);

	return at && at[strlen(name)] == '=' && at[strlen(name) + 1];
}

/* Is one of them set by docker_args, as -e or --env? */
static bool
proxy_in_words(const struct words *args)
{
	for (size_t i = 0; i < args->n; i++)
		for (size_t k = 0; k < countof(proxy_names); k++)
			if (proxy_sets(args->v[i].text, proxy_names[k]))
				return true;
	return false;
}

/* What a node says: a hundred names or networks at most. */
static void
proxy_add_said(struct arena *a, struct proxy_list *l, const char *text)
{
	char *save = NULL;
	size_t n = 0;

	for (char *word = strtok_r(arena_strdup(a, text), ", ", &save); word && n < SAID_MOST;
	     word = strtok_r(NULL, ", ", &save), n++)
		if (strlen(word) <= SAID_LONGEST &&
		    strspn(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.*:/_-[]") ==
		    strlen(word))
			proxy_add(a, l, word);
}

/* Does the engine get a proxy there? Adds what is excepted from it already. */
static bool
proxy_is_set(struct arena *a, const struct cluster *c, const struct node *n, struct proxy_list *l)
{
	bool given = false, found = proxy_in_words(&c->spec->engine.docker_args);

	for (size_t i = 0; i < countof(proxy_names); i++) {
		const char *value = env_value(c, n, proxy_names[i]);

		found |= value && *value;
	}
	for (size_t i = 0; i < countof(proxy_without); i++) {
		const char *value = env_value(c, n, proxy_without[i]);

		if (value)
			proxy_add(a, l, value);
		given |= value != NULL;
	}
	/* docker's client hands its own to containers. podman's hands over those of the login,
	 * and a process has them anyway. What the user wrote takes precedence. */
	for (size_t i = 0; node_observed(n) && i < n->facts->proxy.n; i++) {
		const struct fact_proxy *p = &n->facts->proxy.v[i];

		if (strcmp(p->from, "docker") == 0 ? strcmp(c->runtime->name, "docker") != 0
						   : strcmp(c->runtime->name, "docker") == 0)
			continue;
		if (!given)
			proxy_add_said(a, l, p->without);
		found = true;
	}
	return found;
}

void
proxy_want(struct arena *a, const struct cluster *c, const struct node *n, struct attrs *want)
{
	struct proxy_list l = {0};
	const char *text = NULL;
	size_t had;

	if ((c->nlayout < 2 && c->shape != SHAPE_COORDINATOR) || !proxy_is_set(a, c, n, &l))
		return;
	had = l.n;
	for (size_t i = 0; i < c->nlayout; i++)
		if (node_dial(&c->node[i]))
			proxy_add(a, &l, node_dial(&c->node[i]));
	if (had == l.n)
		return;
	proxy_add(a, &l, "localhost,127.0.0.1");
	for (size_t i = 0; i < l.n; i++)
		text = text ? arena_printf(a, "%s,%s", text, l.v[i]) : l.v[i];
	for (size_t i = 0; i < countof(proxy_without); i++)
		attrs_add(a, want, arena_printf(a, "env.%s", proxy_without[i]), text);
}

bool
proxy_is_own(const char *name)
{
	for (size_t i = 0; i < countof(proxy_without); i++)
		if (strcmp(name, proxy_without[i]) == 0)
			return true;
	return false;
}
