/* The end of an apply: where the API is and how to ask it, or that it is down. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cmd/observation.h"
#include "planner/base/str.h"
#include "planner/plan/answer.h"

/* The step that runs the API, or NULL. */
static const struct step *
outcome_server(const struct graph *g)
{
	for (size_t i = 0; i < g->n; i++)
		if (g->v[i]->kind->server && g->v[i]->node == &g->cluster->node[0] && !g->v[i]->orphan)
			return g->v[i];
	return NULL;
}

/* Append curl's option with the API key, as shell words. The key itself is never shown. */
static void
outcome_add_key(struct str *s, const struct secret_ref *key)
{
	if (key->from == SECRET_ENV)
		str_printf(s, " -H \"Authorization: Bearer $%s\"", key->what);
	else if (key->from == SECRET_FILE)
		str_printf(s, " -H \"Authorization: Bearer $(cat '%s')\"", key->what);
	else if (key->from != SECRET_NONE)
		str_puts(s, " -H \"Authorization: Bearer $KEY\"");
}

static void
outcome_add_curl(struct str *s, const struct cluster *c, const struct curl_line *l)
{
	const struct engine_ask *ask = engine_ask_find(c->engine, l->kind);
	struct arena a = {0};

	if (!ask)
		ask = c->engine->asks;
	str_printf(s, "%scurl %s%s%s -H 'Content-Type: application/json'", l->before,
		   l->any_certificate ? "-k " : "", l->base, ask->path);
	outcome_add_key(s, &c->spec->serve.api_key);
	if (ask == c->engine->asks)
		str_printf(s, " \\\n          -d '{\"model\": \"%s\", \"messages\": [{\"role\": \"user\", "
			   "\"content\": \"Say hello.\"}]}'\n", l->name);
	else
		str_printf(s, " \\\n          -d '%s'\n", ask->body(&a, l->name, "Say hello.", 16));
	arena_release(&a);
}

void
print_curl(const struct cluster *c, const struct curl_line *l)
{
	struct str s = {0};

	if (!strpbrk(l->name, "'\"\\") && strcmp(l->kind ? l->kind : "", "none") != 0)
		outcome_add_curl(&s, c, l);
	fputs(str_text(&s), stdout);
	str_release(&s);
}

static void
outcome_print_api(struct arena *a, const struct graph *g, const struct step *server)
{
	const struct cluster *c = g->cluster;
	struct attrs have = server->want;
	const char *port = attrs_value(&have, "port", "8000"), *name = answer_name(a, have);
	const char *bind = attrs_value(&have, "bind", "");
	const char *at = node_dial_port(a, &c->node[0], strtoll(port, NULL, 10));
	const struct secret_ref *key = &c->spec->serve.api_key;
	bool local = strncmp(bind, "127.", 4) == 0 || strcmp(bind, "localhost") == 0 || strcmp(bind, "::1") == 0;
	const char *certificate = attrs_value(&have, "args.ssl-certfile", NULL);
	const char *base = arena_printf(a, "%s://%s", engine_scheme(c->engine, have),
					local ? arena_printf(a, "127.0.0.1:%s", port) : at ? at : c->node[0].host);
	struct str s = {0};

	str_printf(&s, "  API   %s/v1   model '%s'%s\n", base, name,
		   key->from == SECRET_NONE ? "   no API key: anyone who can reach it can use it" : "");
	if (local)
		str_printf(&s, "  first dray open -port %s\n", port);
	fputs(str_text(&s), stdout);
	str_release(&s);
	print_curl(c, &(struct curl_line){.before = "  try   ", .base = base, .name = name,
					  .kind = answer_kind(g)});
	if (certificate)
		printf("        with --cacert and a copy of %s from %s, if no known authority signed it\n",
		       certificate, c->node[0].name);
	puts("  next  dray ask \"Say hello.\", dray status, dray stop");
}

/* Did this apply stop the server and not start it again? */
static bool
outcome_is_down(const struct run_tally *t, const struct step *server)
{
	bool stopped = false, started = false;

	for (size_t i = 0; t->sched && i < t->sched->n; i++) {
		const struct job *j = &t->sched->v[i];

		if (j->op->step != server || j->outcome != OUT_OK)
			continue;
		stopped |= j->down;
		started |= !j->down;
	}
	return stopped && !started;
}

void
view_outcome(struct arena *a, const struct view *v, const struct graph *g, const struct run_tally *t,
	     bool good, long long ms)
{
	const struct step *server = outcome_server(g);
	struct tm tm;
	char at[16];

	if (good) {
		printf("  took  %s\n", str_duration(a, (ms + 500) / 1000));
		if (server)
			outcome_print_api(a, g, server);
	} else if (server && outcome_is_down(t, server)) {
		localtime_r(&v->api_down, &tm);
		strftime(at, sizeof at, "%H:%M:%S", &tm);
		printf("%sThe API is DOWN since %s: the server was stopped for this change.%s\n"
		       "  undo  remove the change from the spec and run 'dray apply'\n"
		       "  retry fix the cause and run 'dray apply'\n",
		       v->cli->color ? "\033[1;31m" : "", at, v->cli->color ? "\033[0m" : "");
	}
}
