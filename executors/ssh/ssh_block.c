/* Host and Match: which blocks of ssh_config apply. */
#include <string.h>
#include <strings.h>

#include "executors/ssh/ssh_bytes.h"
#include "executors/ssh/ssh_line.h"

/* The patterns are separate words, and case matters. In the second reading they are compared
 * with the name that is dialled. */
bool
ssh_block_host(struct ssh_config *c, struct ssh_line *l)
{
	const char *host = c->final ? c->host_name : c->host;

	l->block = BLOCK_OFF;
	for (size_t i = 0; i < l->n; i++) {
		bool not = l->v[i][0] == '!';

		if (!*l->v[i])
			return ssh_line_bad(l, "has an empty value");
		if (!bytes_glob(l->v[i] + not, strlen(l->v[i] + not), host, true))
			continue;
		l->block = not ? BLOCK_OFF : c->outer;
		if (not)
			break;
	}
	return true;
}

/* One condition with a value. 1: it holds, 0: it does not, -1: unknown, -2: no such
 * condition. */
static int
block_condition(struct ssh_config *c, const char *name, const char *value, const char *host)
{
	if (strcasecmp(name, "host") == 0)
		return ssh_line_list(value, host, false) > 0;
	if (strcasecmp(name, "originalhost") == 0)
		return ssh_line_list(value, c->host, false) > 0;
	if (strcasecmp(name, "user") == 0)
		return ssh_line_list(value, c->user ? c->user : c->local_user, true) > 0;
	if (strcasecmp(name, "localuser") == 0)
		return ssh_line_list(value, c->local_user, true) > 0;
	return strcasecmp(name, "exec") == 0 ? -1 : -2;
}

bool
ssh_block_match(struct ssh_config *c, struct ssh_line *l)
{
	const char *host = ssh_config_host(c, l->e);
	char *p = l->rest, *w;
	bool holds = true, known = true;
	unsigned n = 0;

	if (!host)
		return err_wrap(l->e, "%s:%u", l->file, l->no);
	for (; (w = ssh_line_word(&p)) && *w && *w != '#'; n++) {
		bool not = *w == '!';
		int is;

		w += not;
		if (strcasecmp(w, "all") == 0) {
			if (n > 1 || (*p && *p != '#'))
				return ssh_line_bad(l, "has 'all' together with other conditions");
			holds = holds && !not;
			p += strlen(p);
			continue;
		}
		if (strcasecmp(w, "canonical") == 0 || strcasecmp(w, "final") == 0) {
			c->want_final = c->want_final || strcasecmp(w, "final") == 0;
			is = c->final;
		} else {
			char *value = ssh_line_word(&p);

			if (!value || !*value || *value == '#')
				return ssh_line_bad(l, "has a condition without a value");
			is = block_condition(c, w, value, host);
		}
		if (is == -2)
			return ssh_line_bad(l, arena_printf(c->arena, "has a condition that OpenSSH 9.2 does "
							     "not know: '%s'", w));
		known = known && is >= 0;
		holds = holds && (is < 0 || is != not);
	}
	if (!w)
		return ssh_line_bad(l, "has a quote that is not closed");
	if (!n)
		return ssh_line_bad(l, "has no condition");
	l->block = holds ? c->outer : BLOCK_OFF;
	if (l->block != BLOCK_OFF && !known) {
		ssh_config_note(c, l, "'Match exec' is not evaluated, its block is skipped");
		l->block = BLOCK_PERHAPS;
	}
	return true;
}
