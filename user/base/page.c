/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What pages share: see page.h. The style sheet: no script, no font and no picture from anywhere, one column that is as pleasant at 400 pixels as at 1200, light or
 * dark as the reader has it. What colour says a word says too, and borders differ in width and kind. On paper everything is open.
 */
#include "base/page.h"

static const char style[] =
	":root{color-scheme:light dark;--ground:#f6f7f8;--card:#fff;--ink:#1b1f23;--soft:#57606a;"
	"--line:#d5dae0;--code:#f0f2f4;--link:#0a5db5;"
	"--critical:#8e0f1f;--high:#b3261e;--medium:#8a5a00;--low:#35618e;--info:#57606a;"
	"--pass:#1d6b34}\n"
	"@media(prefers-color-scheme:dark){:root{--ground:#111417;--card:#1a1e22;--ink:#e6e9ec;"
	"--soft:#a3adb7;--line:#343b42;--code:#111417;--link:#7db8f5;"
	"--critical:#ff8f97;--high:#ff9d8f;--medium:#f0bf5f;--low:#93bdea;--info:#a3adb7;"
	"--pass:#79cf92}}\n"
	"*{box-sizing:border-box}\n"
	"body{margin:0;background:var(--ground);color:var(--ink);"
	"font:1rem/1.5 system-ui,-apple-system,\"Segoe UI\",Roboto,\"Liberation Sans\",sans-serif;"
	"overflow-wrap:break-word}\n"
	"header,main,footer{max-width:64rem;margin:0 auto;padding:1rem}\n"
	"header{padding:2rem 1rem 0}main{padding-top:0}\n"
	"a{color:var(--link)}\n"
	"h1{font-size:1.9rem;line-height:1.2;margin:0;overflow-wrap:anywhere}\n"
	"h2{font-size:1.25rem;margin:2rem 0 .8rem;padding-bottom:.3rem;border-bottom:1px solid "
	"var(--line)}\n"
	"h3{font-size:1.05rem;line-height:1.35;margin:.35rem 0;overflow-wrap:anywhere}\n"
	"h4{font-size:.95rem;margin:1rem 0 .3rem}\n"
	"p{margin:.4rem 0}\n"
	".soft{color:var(--soft)}\n"
	".brand{margin:0 0 .2rem;color:var(--soft);letter-spacing:.04em}\n"
	".verdict{font-size:1.15rem;font-weight:600;margin-top:0}\n"
	".tiles{list-style:none;display:grid;grid-template-columns:repeat(auto-fit,minmax(7.6rem,"
	"1fr)"
	");gap:.6rem;margin:1rem 0;padding:0}\n"
	"@media(min-width:40rem){.tiles{grid-template-columns:repeat(4,1fr)}}\n"
	"@media(min-width:60rem){.tiles.row{grid-template-columns:none;grid-auto-flow:column;"
	"grid-auto-columns:1fr}}\n"
	".tiles a,.tiles span{display:block;height:100%;padding:.6rem .8rem;background:var(--card);"
	"border:1px solid var(--line);border-top:4px solid var(--line);border-radius:.4rem;"
	"color:inherit;text-decoration:none;overflow-wrap:normal}\n"
	".tiles a:hover,.tiles a:focus-visible{border-color:var(--link);outline:0}\n"
	".tiles b{display:block;font-size:1.6rem;line-height:1.2}\n"
	"article{background:var(--card);border:1px solid var(--line);border-left:.35rem solid "
	"var(--line);border-radius:.4rem;padding:.9rem 1rem;margin:0 0 1rem}\n"
	".tag{display:inline-block;padding:0 .5em;border:1px solid "
	"currentColor;border-radius:.25rem;"
	"font-size:.8rem;font-weight:700;letter-spacing:.03em;margin-right:.4rem}\n"
	".warn .tag{border-style:dashed}\n"
	".critical{--of:var(--critical)}.high{--of:var(--high)}.medium{--of:var(--medium)}"
	".low{--of:var(--low)}.info{--of:var(--info)}.pass{--of:var(--pass)}\n"
	"article.fail,article.warn{border-left-color:var(--of)}\n"
	"article.warn{border-left-style:double}\n"
	".fail .tag,.warn .tag{color:var(--of)}\n"
	".tiles .critical,.tiles .high,.tiles .medium,.tiles .low,.tiles .info,.tiles .pass"
	"{border-top-color:var(--of)}\n"
	".tiles .critical b,.tiles .high b,.tiles .medium b{color:var(--of)}\n"
	".id{font-family:ui-monospace,\"Liberation Mono\",monospace;font-size:.88rem}\n"
	"pre{margin:.4rem 0;padding:.6rem .8rem;background:var(--code);border:1px solid "
	"var(--line);"
	"border-radius:.3rem;white-space:pre-wrap;overflow-wrap:anywhere;"
	"font:.86rem/1.45 ui-monospace,\"Liberation Mono\",monospace}\n"
	"details{margin:.6rem 0}\n"
	"summary{cursor:pointer;font-weight:600}\n"
	"summary:focus-visible{outline:2px solid var(--link);outline-offset:2px}\n"
	".where{color:var(--soft);margin:.2rem 0;overflow-wrap:anywhere}\n"
	"dl{margin:.6rem 0}\n"
	"dt{font-weight:600;margin-top:.7rem;overflow-wrap:anywhere}\n"
	"dd{margin:.1rem 0 0 1.2rem;overflow-wrap:anywhere}\n"
	"ul.plain{margin:.4rem 0;padding-left:1.2rem}\n"
	"@media(min-width:48rem){dl.table{display:grid;grid-template-columns:minmax(9rem,16rem) "
	"1fr;"
	"column-gap:1.2rem}dl.table dt,dl.table dd{margin:0;padding:.4rem 0;border-top:1px solid "
	"var(--line)}dl.table dt:first-of-type,dl.table dd:first-of-type{border-top:0}}\n"
	".plot{width:100%;height:auto;background:var(--card);border:1px solid var(--line);"
	"border-radius:.4rem}.plot text{fill:var(--soft);font-size:11px}"
	".plot .grid{stroke:var(--line)}.plot .passed,.key .passed{fill:var(--line)}"
	".unwatched{fill:none;stroke:var(--soft);stroke-dasharray:2 2}"
	".c0{--of:var(--high)}.c1{--of:var(--medium)}.c2{--of:var(--low)}.c3{--of:var(--ink)}"
	".c4{--of:var(--pass)}.c5{--of:var(--soft)}.hatch{stroke:var(--of);fill:var(--of)}"
	".key{list-style:none;display:flex;flex-wrap:wrap;gap:.3rem 1.2rem;margin:.5rem "
	"0;padding:0}"
	".key svg{vertical-align:-.15em;margin-right:.4em}"
	".scroll{overflow-x:auto}table{border-collapse:collapse;font-size:.92rem}"
	"th,td{text-align:left;padding:.3rem .9rem .3rem 0;border-bottom:1px solid var(--line);"
	"vertical-align:top}td.n,th.n{text-align:right}\n"
	"article.left{border-left-color:var(--high)}article.settled{border-left-color:var(--pass)}"
	"\n"
	"footer{color:var(--soft);font-size:.9rem;padding-bottom:2.5rem}\n"
	"@media "
	"print{:root{--ground:#fff;--card:#fff;--ink:#000;--soft:#333;--line:#999;--code:#fff;"
	"--link:#000;--critical:#000;--high:#000;--medium:#000;--low:#000;--info:#000;--pass:#000}"
	"body{font-size:10pt}header,main,footer{max-width:none;padding:0 0 .5rem}"
	"h2,h3,h4,.where{break-after:avoid}pre,.tiles li{break-inside:avoid}"
	"article{box-decoration-break:clone;-webkit-box-decoration-break:clone;padding:.5rem "
	".7rem;margin:0 1px .6rem}pre{padding:.3rem .5rem;font-size:8pt;line-height:1.3}"
	"h2{margin-top:1.2rem}"
	"a{text-decoration:none}"
	"details::details-content{content-visibility:visible;block-size:auto}"
	"details:not([open])>*{display:block}summary{list-style:none}"
	"summary::-webkit-details-marker{display:none}}\n";

void page_open(FILE *out, const char *title_lead, const char *title)
{
	fprintf(out,
		"<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
		"<meta http-equiv=\"Content-Security-Policy\" content=\"%s\">\n"
		"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
		"<meta name=\"referrer\" content=\"no-referrer\">\n<title>%s",
		PAGE_POLICY, title_lead);
	page_put(out, title);
	fprintf(out, "</title>\n<style>\n%s</style>\n</head>\n<body>\n", style);
}

void page_put(FILE *out, const char *text)
{
	for (; *text; text++) {
		switch (*text) {
		case '&':
			fputs("&amp;", out);
			break;
		case '<':
			fputs("&lt;", out);
			break;
		case '>':
			fputs("&gt;", out);
			break;
		case '"':
			fputs("&quot;", out);
			break;
		case '\'':
			fputs("&#39;", out);
			break;
		default:
			fputc(*text, out);
		}
	}
}

void page_element(FILE *out, const char *before, const char *text, const char *behind)
{
	fputs(before, out);
	page_put(out, text);
	fputs(behind, out);
}
