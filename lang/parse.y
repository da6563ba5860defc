/* Tokens to syntax tree. Actions build nodes and nothing else: no name is looked up, no constant is folded. */
%code requires {
#include "lang/lex.h"

struct ncr_nodes {
    struct ncr_ast **at;
    uint32_t n, cap;
};
struct ncr_parse;
}

%code {
#include <stdio.h>

struct ncr_parse {
    struct ncr_lexer lexer;
    struct ncr_ast *root;
    int start;          // pseudo token given first: what is parsed
    bool too_deep;
    uint32_t last_error; // offset of the last reported error + 1
    struct ncr_token shown; // the last token given
    struct ncr_token before;
};

static int ncr_yylex(YYSTYPE *value, struct ncr_parse *p);
static void ncr_yyerror(struct ncr_parse *p, const char *text);

static struct ncr_ast *node(struct ncr_parse *p, enum ncr_ast_kind kind, const struct ncr_token *first, uint32_t end,
                            uint32_t n, struct ncr_ast **kids);
static struct ncr_ast *leaf(struct ncr_parse *p, enum ncr_ast_kind kind, const struct ncr_token *t);
static struct ncr_ast *named(struct ncr_ast *n, const struct ncr_token *name);
static struct ncr_ast *with_op(struct ncr_ast *n, enum ncr_ast_op op, const struct ncr_token *t);
static struct ncr_nodes push(struct ncr_parse *p, struct ncr_nodes list, struct ncr_ast *n);
static struct ncr_nodes join(struct ncr_parse *p, struct ncr_nodes a, struct ncr_nodes b);
static struct ncr_ast *from_list(struct ncr_parse *p, enum ncr_ast_kind kind, const struct ncr_token *first, uint32_t end,
                                 struct ncr_nodes kids);
static struct ncr_ast *binary(struct ncr_parse *p, struct ncr_ast *a, enum ncr_ast_op op, const struct ncr_token *t,
                              struct ncr_ast *b);
static struct ncr_ast *postfix(struct ncr_parse *p, enum ncr_ast_kind kind, struct ncr_ast *base, uint32_t end,
                               struct ncr_nodes rest);
static struct ncr_ast *annotate(struct ncr_parse *p, struct ncr_nodes annots, struct ncr_ast *n);
static struct ncr_ast *body(struct ncr_parse *p, const struct ncr_token *open, struct ncr_nodes statements,
                            struct ncr_ast *result, uint32_t end);
static struct ncr_token dotted(struct ncr_parse *p, struct ncr_token a, struct ncr_token b);

#define NONE       ((struct ncr_nodes){0})
#define ONE(a)     push(p, NONE, (a))
#define K1(a)      1, (struct ncr_ast *[]){a}
#define K2(a, b)   2, (struct ncr_ast *[]){a, b}
#define K3(a, b, c) 3, (struct ncr_ast *[]){a, b, c}
#define K5(a, b, c, d, e) 5, (struct ncr_ast *[]){a, b, c, d, e}
#define END(n)     ((n)->span.end)
}

%define api.pure full
%define api.prefix {ncr_yy}
%define api.token.prefix {T_}
%define parse.lac full
%define parse.error custom
%param {struct ncr_parse *p}
%expect 0

%union {
    struct ncr_token t;
    struct ncr_ast *n;
    struct ncr_nodes l;
}

%token YYEOF 0 "end of file"
%token START_FILE START_GENOTYPE START_EXPR
%token <t> NAME "name" LABEL "name followed by `:`" INT "integer" FLOAT "number" PERCENT "percentage" QUANTITY "quantity" STRING "string"
%token <t> IMPORT "`import`" NET "`net`" BLOCK "`block`" MUTATION "`mutation`" LET "`let`" CHOOSE "`choose`" OPTIONAL "`optional`"
%token <t> REPEAT "`repeat`" REQUIRE "`require`" IF "`if`" ELSE "`else`" FOR "`for`" IN "`in`" WITH "`with`" THIS "`this`"
%token <t> TRUE "`true`" FALSE "`false`"
%token <t> INSERT "`insert`" REPLACE "`replace`" REMOVE "`remove`" SET "`set`" REDRAW "`redraw`" STEP_STMT "`step` (edit)" INHERIT "`inherit`"
%token <t> AFTER "`after` or `before`" OF "`of`" ORDERED "`ordered`" BY "`by`" WEIGHT "`weight`" BOUNDED "`bounded`" BY_X "`x`"
%token <t> STEP "`step`" POW2 "`pow2`"
%token <t> ARROW "`->`" OR "`||`" AND "`&&`" EQ "`==`" NE "`!=`" LE "`<=`" GE "`>=`" PIPE "`|>`" RANGE "`..`" RANGE_EQ "`..=`"
%token <t> SHL "`<<`" SHR "`>>`"
%token <t> '<' "`<`" '>' "`>`" '+' "`+`" '-' "`-`" '*' "`*`" '/' "`/`" '%' "`%`" '!' "`!`" '=' "`=`" '(' "`(`" ')' "`)`"
%token <t> '{' "`{`" '}' "`}`" '[' "`[`" ']' "`]`" '.' "`.`" ',' "`,`" ';' "`;`" ':' "`:`" '@' "`@`"

%precedence ALONE
%right ARROW
%left OR
%left AND
%nonassoc EQ NE '<' LE '>' GE
%left PIPE
%nonassoc RANGE RANGE_EQ
%nonassoc STEP POW2
%left SHL SHR
%left '+' '-'
%left '*' '/' '%'
%precedence UNARY
%precedence '('

%type <n> item core_item params param type outs out block statement core if_expr else_part expr oexpr unary postfix primary
%type <n> record field arg alt choose count path gene seg item2 opt_params opt_outs opt_bounded opt_result annot genotype
%type <n> opt_type opt_default
%type <t> dotted word
%type <l> items statements param_list out_list exprs args arg_list annots annots1 alts genes segs seg_indices fields items2

%%

start: START_FILE items YYEOF             { p->root = from_list(p, NCR_AST_FILE, NULL, p->lexer.source.n, $2); }
     | START_GENOTYPE genotype YYEOF      { p->root = $2; }
     | START_EXPR expr YYEOF              { p->root = $2; }
     ;

items: %empty                             { $$ = NONE; }
     | items item                         { $$ = push(p, $1, $2); }
     | items error ';'                    { $$ = $1; yyerrok; }
     | items error '}'                    { $$ = $1; yyerrok; }
     ;

item: core_item                           { $$ = $1; }
    | annots1 core_item                   { $$ = annotate(p, $1, $2); }
    | IMPORT dotted ';'                   { $$ = named(node(p, NCR_AST_IMPORT, &$1, $3.end, 0, NULL), &$2); }
    | IMPORT dotted %prec ALONE           { $$ = named(node(p, NCR_AST_IMPORT, &$1, $2.end, 0, NULL), &$2); }
    ;

core_item: NET NAME params opt_params opt_outs opt_bounded block
                                          { $$ = named(node(p, NCR_AST_NET, &$1, END($7), K5($3, $4, $5, $6, $7)), &$2); }
    | NET NAME '=' expr ';'               { $$ = named(node(p, NCR_AST_NET_VALUE, &$1, $5.end, K1($4)), &$2); }
    | BLOCK NAME params opt_params opt_outs opt_bounded block
                                          { $$ = named(node(p, NCR_AST_BLOCK_DEF, &$1, END($7), K5($3, $4, $5, $6, $7)), &$2); }
    | MUTATION NAME params block          { $$ = named(node(p, NCR_AST_MUTATION, &$1, END($4), K2($3, $4)), &$2); }
    | NAME NAME '{' record '}'            { $4->span = (struct ncr_span){p->lexer.file, $3.begin, $5.end};
                                            $$ = named(node(p, NCR_AST_DECL, &$1, $5.end, K2(leaf(p, NCR_AST_NAME, &$1), $4)), &$2); }
    | NAME NAME '=' expr ';'              { $$ = named(node(p, NCR_AST_DECL_VALUE, &$1, $5.end, K2(leaf(p, NCR_AST_NAME, &$1), $4)), &$2); }
    | LET NAME '=' expr ';'               { $$ = named(node(p, NCR_AST_LET, &$1, $5.end, K1($4)), &$2); }
    ;

dotted: NAME                              { $$ = $1; }
      | dotted '.' NAME                   { $$ = dotted(p, $1, $3); }
      ;

opt_params: %empty                        { $$ = NULL; }
          | params                        { $$ = $1; }
          ;
params: '(' ')'                           { $$ = node(p, NCR_AST_PARAMS, &$1, $2.end, 0, NULL); }
      | '(' param_list ')'                { $$ = from_list(p, NCR_AST_PARAMS, &$1, $3.end, $2); }
      | '(' param_list ',' ')'            { $$ = from_list(p, NCR_AST_PARAMS, &$1, $4.end, $2); }
      ;
param_list: param                         { $$ = ONE($1); }
          | param_list ',' param          { $$ = push(p, $1, $3); }
          ;
param: annots NAME                        { $$ = annotate(p, $1, named(node(p, NCR_AST_PARAM, &$2, $2.end, K2(NULL, NULL)), &$2)); }
     | annots LABEL opt_type opt_default  { uint32_t end = $4 ? END($4) : $3 ? END($3) : $2.end;
                                            $$ = annotate(p, $1, named(node(p, NCR_AST_PARAM, &$2, end, K2($3, $4)), &$2)); }
     ;
opt_type: type                            { $$ = $1; }
        ;
opt_default: %empty                       { $$ = NULL; }
           | '=' expr                     { $$ = $2; }
           ;
type: dotted %prec ALONE                  { $$ = named(node(p, NCR_AST_TYPE, &$1, $1.end, 0, NULL), &$1); }
    | dotted '[' exprs ']'                { $$ = named(from_list(p, NCR_AST_TYPE, &$1, $4.end, $3), &$1); }
    | dotted '[' exprs ',' ']'            { $$ = named(from_list(p, NCR_AST_TYPE, &$1, $5.end, $3), &$1); }
    ;
opt_outs: %empty                          { $$ = NULL; }
        | outs                            { $$ = $1; }
        ;
outs: ARROW type                          { struct ncr_token none = {.text = {"", 0}, .begin = $2->span.begin, .end = $2->span.begin};
                                            struct ncr_ast *o = named(node(p, NCR_AST_OUT, &none, END($2), K1($2)), &none);
                                            $$ = node(p, NCR_AST_OUTS, &$1, END($2), K1(o)); }
    | ARROW '(' out_list ')'              { $$ = from_list(p, NCR_AST_OUTS, &$1, $4.end, $3); }
    | ARROW '(' out_list ',' ')'          { $$ = from_list(p, NCR_AST_OUTS, &$1, $5.end, $3); }
    ;
out_list: out                             { $$ = ONE($1); }
        | out_list ',' out                { $$ = push(p, $1, $3); }
        ;
out: LABEL type                           { $$ = named(node(p, NCR_AST_OUT, &$1, END($2), K1($2)), &$1); }
   ;
opt_bounded: %empty                       { $$ = NULL; }
           | BOUNDED expr                 { $$ = $2; }
           ;

block: '{' statements opt_result '}'      { $$ = body(p, &$1, $2, $3, $4.end); }
     ;
opt_result: %empty                        { $$ = NULL; }
          | oexpr                         { $$ = $1; }
          ;
statements: %empty                        { $$ = NONE; }
          | statements statement          { $$ = push(p, $1, $2); }
          | statements error ';'          { $$ = $1; yyerrok; }
          ;
statement: core                           { $$ = $1; }
         | annots1 core                   { $$ = annotate(p, $1, $2); }
         | if_expr                        { $$ = $1; }
         | oexpr ';'                      { $$ = node(p, NCR_AST_EXPR_STMT, NULL, $2.end, K1($1)); }
         ;
core: LET NAME '=' expr ';'               { $$ = named(node(p, NCR_AST_LET, &$1, $5.end, K1($4)), &$2); }
    | REQUIRE exprs ';'                   { $$ = from_list(p, NCR_AST_REQUIRE, &$1, $3.end, $2); }
    | FOR NAME IN expr block              { $$ = named(node(p, NCR_AST_FOR, &$1, END($5), K2($4, $5)), &$2); }
    | INSERT AFTER path block ';'         { $$ = named(node(p, NCR_AST_INSERT, &$1, $5.end, K2($3, $4)), &$2); }
    | REPLACE path WITH expr ';'          { $$ = node(p, NCR_AST_REPLACE, &$1, $5.end, K2($2, $4)); }
    | REMOVE path ';'                     { $$ = node(p, NCR_AST_REMOVE, &$1, $3.end, K1($2)); }
    | SET path '=' expr ';'               { $$ = node(p, NCR_AST_SET, &$1, $5.end, K2($2, $4)); }
    | REDRAW path ';'                     { $$ = node(p, NCR_AST_REDRAW, &$1, $3.end, K1($2)); }
    | STEP_STMT path BY expr ';'          { $$ = node(p, NCR_AST_STEP, &$1, $5.end, K2($2, $4)); }
    | INHERIT NAME ';'                    { $$ = named(node(p, NCR_AST_INHERIT, &$1, $3.end, 0, NULL), &$2); }
    | INHERIT NAME '(' args ')' ';'       { $$ = named(from_list(p, NCR_AST_INHERIT, &$1, $6.end, $4), &$2); }
    ;
path: NAME                                { $$ = leaf(p, NCR_AST_NAME, &$1); }
    | THIS                                { $$ = leaf(p, NCR_AST_THIS, &$1); }
    | path '.' NAME                       { $$ = named(postfix(p, NCR_AST_MEMBER, $1, $3.end, NONE), &$3); }
    | path '[' expr ']'                   { $$ = postfix(p, NCR_AST_INDEX, $1, $4.end, ONE($3)); }
    ;

record: fields                            { $$ = from_list(p, NCR_AST_RECORD, NULL, 0, $1); }
      | fields annots LABEL exprs         { $$ = from_list(p, NCR_AST_RECORD, NULL, 0,
                                                 push(p, $1, annotate(p, $2, named(from_list(p, NCR_AST_FIELD, &$3, END($4.at[$4.n - 1]), $4), &$3)))); }
      ;
fields: %empty                            { $$ = NONE; }
      | fields annots field               { $$ = push(p, $1, annotate(p, $2, $3)); }
      | fields error ';'                  { $$ = $1; yyerrok; }
      ;
field: LABEL exprs ';'                    { $$ = named(from_list(p, NCR_AST_FIELD, &$1, $3.end, $2), &$1); }
     | LABEL '{' record '}'               { $3->span = (struct ncr_span){p->lexer.file, $2.begin, $4.end};
                                            $$ = named(node(p, NCR_AST_FIELD_RECORD, &$1, $4.end, K1($3)), &$1); }
     | LABEL '{' record '}' ';'           { $3->span = (struct ncr_span){p->lexer.file, $2.begin, $4.end};
                                            $$ = named(node(p, NCR_AST_FIELD_RECORD, &$1, $5.end, K1($3)), &$1); }
     | NAME '{' record '}'                { $3->span = (struct ncr_span){p->lexer.file, $2.begin, $4.end};
                                            $$ = named(node(p, NCR_AST_SECTION, &$1, $4.end, K2(NULL, $3)), &$1); }
     | NAME NAME '{' record '}'           { $4->span = (struct ncr_span){p->lexer.file, $3.begin, $5.end};
                                            $$ = named(node(p, NCR_AST_SECTION, &$1, $5.end, K2(leaf(p, NCR_AST_NAME, &$2), $4)), &$1); }
     | NAME STRING '{' record '}'         { $4->span = (struct ncr_span){p->lexer.file, $3.begin, $5.end};
                                            $$ = named(node(p, NCR_AST_SECTION, &$1, $5.end, K2(leaf(p, NCR_AST_STRING, &$2), $4)), &$1); }
     | NAME items2 ';'                    { $$ = named(from_list(p, NCR_AST_ITEMS, &$1, $3.end, $2), &$1); }
     | REQUIRE items2 ';'                 { $$ = named(from_list(p, NCR_AST_ITEMS, &$1, $3.end, $2), &$1); }
     ;
items2: item2                             { $$ = ONE($1); }
      | items2 ',' item2                  { $$ = push(p, $1, $3); }
      ;
item2: expr                               { $$ = node(p, NCR_AST_ITEM, NULL, END($1), K2($1, NULL)); }
     | expr WEIGHT expr                   { $$ = node(p, NCR_AST_ITEM, NULL, END($3), K2($1, $3)); }
     ;

if_expr: IF expr block else_part          { $$ = node(p, NCR_AST_IF, &$1, $4 ? END($4) : END($3), K3($2, $3, $4)); }
       ;
else_part: %empty                         { $$ = NULL; }
         | ELSE block                     { $$ = $2; }
         | ELSE if_expr                   { $$ = $2; }
         ;

exprs: expr                               { $$ = ONE($1); }
     | exprs ',' expr                     { $$ = push(p, $1, $3); }
     ;
expr: oexpr                               { $$ = $1; }
    | if_expr                             { $$ = $1; }
    ;
oexpr: unary                              { $$ = $1; }
     | oexpr ARROW oexpr                  { $$ = binary(p, $1, NCR_AST_ARROW, &$2, $3); }
     | oexpr OR oexpr                     { $$ = binary(p, $1, NCR_AST_OR, &$2, $3); }
     | oexpr AND oexpr                    { $$ = binary(p, $1, NCR_AST_AND, &$2, $3); }
     | oexpr EQ oexpr                     { $$ = binary(p, $1, NCR_AST_EQ, &$2, $3); }
     | oexpr NE oexpr                     { $$ = binary(p, $1, NCR_AST_NE, &$2, $3); }
     | oexpr '<' oexpr                    { $$ = binary(p, $1, NCR_AST_LT, &$2, $3); }
     | oexpr LE oexpr                     { $$ = binary(p, $1, NCR_AST_LE, &$2, $3); }
     | oexpr '>' oexpr                    { $$ = binary(p, $1, NCR_AST_GT, &$2, $3); }
     | oexpr GE oexpr                     { $$ = binary(p, $1, NCR_AST_GE, &$2, $3); }
     | oexpr PIPE oexpr                   { $$ = binary(p, $1, NCR_AST_PIPE, &$2, $3); }
     | oexpr RANGE oexpr                  { $$ = with_op(node(p, NCR_AST_RANGE, NULL, END($3), K3($1, $3, NULL)), NCR_AST_RANGE_OP, &$2); }
     | oexpr RANGE_EQ oexpr               { $$ = with_op(node(p, NCR_AST_RANGE, NULL, END($3), K3($1, $3, NULL)), NCR_AST_RANGE_EQ, &$2); }
     | oexpr RANGE oexpr STEP oexpr       { $$ = with_op(node(p, NCR_AST_RANGE, NULL, END($5), K3($1, $3, $5)), NCR_AST_RANGE_OP, &$2); }
     | oexpr RANGE_EQ oexpr STEP oexpr    { $$ = with_op(node(p, NCR_AST_RANGE, NULL, END($5), K3($1, $3, $5)), NCR_AST_RANGE_EQ, &$2); }
     | oexpr RANGE oexpr POW2             { $$ = with_op(node(p, NCR_AST_RANGE, NULL, $4.end, K3($1, $3, NULL)), NCR_AST_RANGE_OP, &$2); $$->flag = true; }
     | oexpr RANGE_EQ oexpr POW2          { $$ = with_op(node(p, NCR_AST_RANGE, NULL, $4.end, K3($1, $3, NULL)), NCR_AST_RANGE_EQ, &$2); $$->flag = true; }
     | oexpr SHL oexpr                    { $$ = binary(p, $1, NCR_AST_SHL, &$2, $3); }
     | oexpr SHR oexpr                    { $$ = binary(p, $1, NCR_AST_SHR, &$2, $3); }
     | oexpr '+' oexpr                    { $$ = binary(p, $1, NCR_AST_ADD, &$2, $3); }
     | oexpr '-' oexpr                    { $$ = binary(p, $1, NCR_AST_SUB, &$2, $3); }
     | oexpr '*' oexpr                    { $$ = binary(p, $1, NCR_AST_MUL, &$2, $3); }
     | oexpr '/' oexpr                    { $$ = binary(p, $1, NCR_AST_DIV, &$2, $3); }
     | oexpr '%' oexpr                    { $$ = binary(p, $1, NCR_AST_MOD, &$2, $3); }
     ;
unary: postfix %prec ALONE                { $$ = $1; }
     | annots1 postfix %prec ALONE        { $$ = annotate(p, $1, $2); }
     | '-' unary %prec UNARY              { $$ = with_op(node(p, NCR_AST_UNARY, &$1, END($2), K1($2)), NCR_AST_NEG, &$1); }
     | '!' unary %prec UNARY              { $$ = with_op(node(p, NCR_AST_UNARY, &$1, END($2), K1($2)), NCR_AST_NOT, &$1); }
     ;
postfix: primary                          { $$ = $1; }
       | postfix '(' args ')'             { $$ = postfix(p, NCR_AST_CALL, $1, $4.end, $3); }
       | postfix '[' exprs ']'            { $$ = postfix(p, NCR_AST_INDEX, $1, $4.end, $3); }
       | postfix '[' exprs ',' ']'        { $$ = postfix(p, NCR_AST_INDEX, $1, $5.end, $3); }
       | postfix '.' NAME                 { $$ = named(postfix(p, NCR_AST_MEMBER, $1, $3.end, NONE), &$3); }
       | postfix WITH '{' genes '}'       { $$ = postfix(p, NCR_AST_WITH, $1, $5.end, $4); }
       ;
primary: NAME                             { $$ = leaf(p, NCR_AST_NAME, &$1); }
       | THIS                             { $$ = leaf(p, NCR_AST_THIS, &$1); }
       | TRUE                             { $$ = leaf(p, NCR_AST_BOOL, &$1); $$->value.i = 1; }
       | FALSE                            { $$ = leaf(p, NCR_AST_BOOL, &$1); $$->value.i = 0; }
       | INT                              { $$ = leaf(p, NCR_AST_INT, &$1); }
       | INT BY_X INT                     { $$ = node(p, NCR_AST_PAIR, &$1, $3.end, K2(leaf(p, NCR_AST_INT, &$1), leaf(p, NCR_AST_INT, &$3))); }
       | FLOAT                            { $$ = leaf(p, NCR_AST_FLOAT, &$1); }
       | PERCENT                          { $$ = leaf(p, NCR_AST_PERCENT, &$1); }
       | QUANTITY                         { $$ = leaf(p, NCR_AST_QUANTITY, &$1); }
       | STRING                           { $$ = leaf(p, NCR_AST_STRING, &$1); }
       | '(' expr ')'                     { $$ = node(p, NCR_AST_PAREN, &$1, $3.end, K1($2)); }
       | '(' LABEL expr ')'               { $$ = node(p, NCR_AST_TUPLE, &$1, $4.end, K1(named(node(p, NCR_AST_ARG, &$2, END($3), K1($3)), &$2))); }
       | '(' LABEL expr ',' ')'           { $$ = node(p, NCR_AST_TUPLE, &$1, $5.end, K1(named(node(p, NCR_AST_ARG, &$2, END($3), K1($3)), &$2))); }
       | '(' LABEL expr ',' arg_list ')'  { struct ncr_nodes all = join(p, ONE(named(node(p, NCR_AST_ARG, &$2, END($3), K1($3)), &$2)), $5);
                                            $$ = from_list(p, NCR_AST_TUPLE, &$1, $6.end, all); }
       | '(' LABEL expr ',' arg_list ',' ')' { struct ncr_nodes all = join(p, ONE(named(node(p, NCR_AST_ARG, &$2, END($3), K1($3)), &$2)), $5);
                                            $$ = from_list(p, NCR_AST_TUPLE, &$1, $7.end, all); }
       | '[' ']'                          { $$ = node(p, NCR_AST_LIST, &$1, $2.end, 0, NULL); }
       | '[' exprs ']'                    { $$ = from_list(p, NCR_AST_LIST, &$1, $3.end, $2); }
       | '[' exprs ',' ']'                { $$ = from_list(p, NCR_AST_LIST, &$1, $4.end, $2); }
       | choose                           { $$ = $1; }
       | OPTIONAL block                   { $$ = node(p, NCR_AST_OPTIONAL, &$1, END($2), K1($2)); }
       | OPTIONAL NAME block              { $$ = named(node(p, NCR_AST_OPTIONAL, &$1, END($3), K1($3)), &$2); }
       | REPEAT '(' expr ')' block        { $$ = node(p, NCR_AST_REPEAT, &$1, END($5), K2($3, $5)); }
       | REPEAT '(' NAME IN expr ')' block { $$ = named(node(p, NCR_AST_REPEAT, &$1, END($7), K2($5, $7)), &$3); }
       ;
choose: CHOOSE '(' args ')'               { $$ = from_list(p, NCR_AST_CHOOSE_LIST, &$1, $4.end, $3); }
      | CHOOSE NAME '(' args ')'          { $$ = named(from_list(p, NCR_AST_CHOOSE_LIST, &$1, $5.end, $4), &$2); }
      | CHOOSE '{' alts '}'               { $$ = from_list(p, NCR_AST_CHOOSE_ALTS, &$1, $4.end, $3); }
      | CHOOSE NAME '{' alts '}'          { $$ = named(from_list(p, NCR_AST_CHOOSE_ALTS, &$1, $5.end, $4), &$2); }
      | CHOOSE count OF '(' args ')'      { $$ = from_list(p, NCR_AST_CHOOSE_OF, &$1, $6.end, join(p, ONE($2), $5)); }
      | CHOOSE count OF ORDERED '(' args ')' { $$ = from_list(p, NCR_AST_CHOOSE_OF, &$1, $7.end, join(p, ONE($2), $6)); $$->flag = true; }
      | CHOOSE LABEL count OF '(' args ')' { $$ = named(from_list(p, NCR_AST_CHOOSE_OF, &$1, $7.end, join(p, ONE($3), $6)), &$2); }
      | CHOOSE LABEL count OF ORDERED '(' args ')' { $$ = named(from_list(p, NCR_AST_CHOOSE_OF, &$1, $8.end, join(p, ONE($3), $7)), &$2); $$->flag = true; }
      ;
count: INT                                { $$ = leaf(p, NCR_AST_INT, &$1); }
     | NAME                               { $$ = leaf(p, NCR_AST_NAME, &$1); }
     | INT RANGE INT                      { $$ = with_op(node(p, NCR_AST_RANGE, &$1, $3.end, K3(leaf(p, NCR_AST_INT, &$1), leaf(p, NCR_AST_INT, &$3), NULL)), NCR_AST_RANGE_OP, &$2); }
     | INT RANGE_EQ INT                   { $$ = with_op(node(p, NCR_AST_RANGE, &$1, $3.end, K3(leaf(p, NCR_AST_INT, &$1), leaf(p, NCR_AST_INT, &$3), NULL)), NCR_AST_RANGE_EQ, &$2); }
     ;
alts: alt                                 { $$ = ONE($1); }
    | alts alt                            { $$ = push(p, $1, $2); }
    ;
alt: annots LABEL expr                    { $$ = annotate(p, $1, named(node(p, NCR_AST_ALT, &$2, END($3), K1($3)), &$2)); }
   | annots LABEL expr ';'                { $$ = annotate(p, $1, named(node(p, NCR_AST_ALT, &$2, $4.end, K1($3)), &$2)); }
   ;

args: %empty                              { $$ = NONE; }
    | arg_list                            { $$ = $1; }
    | arg_list ','                        { $$ = $1; }
    ;
arg_list: arg                             { $$ = ONE($1); }
        | arg_list ',' arg                { $$ = push(p, $1, $3); }
        ;
arg: expr                                 { struct ncr_token none = {.text = {"", 0}, .begin = $1->span.begin, .end = $1->span.begin};
                                            $$ = named(node(p, NCR_AST_ARG, &none, END($1), K1($1)), &none); }
   | LABEL expr                           { $$ = named(node(p, NCR_AST_ARG, &$1, END($2), K1($2)), &$1); }
   ;

annots: %empty                            { $$ = NONE; }
      | annots1                           { $$ = $1; }
      ;
annots1: annot                            { $$ = ONE($1); }
       | annots1 annot                    { $$ = push(p, $1, $2); }
       ;
annot: '@' NAME %prec ALONE               { $$ = named(node(p, NCR_AST_ANNOT, &$1, $2.end, 0, NULL), &$2); }
     | '@' NAME '(' args ')'              { $$ = named(from_list(p, NCR_AST_ANNOT, &$1, $5.end, $4), &$2); }
     ;

genotype: dotted '{' genes '}'            { $$ = named(from_list(p, NCR_AST_GENOTYPE, &$1, $4.end, $3), &$1); }
        ;
genes: %empty                             { $$ = NONE; }
     | genes gene                         { $$ = push(p, $1, $2); }
     | genes error ';'                    { $$ = $1; yyerrok; }
     ;
gene: segs '=' expr ';'                   { struct ncr_nodes all = join(p, ONE($3), $1);
                                            struct ncr_token first = {.begin = $1.at[0]->span.begin};
                                            $$ = from_list(p, NCR_AST_GENE, &first, $4.end, all); }
    ;
segs: seg                                 { $$ = ONE($1); }
    | segs '/' seg                        { $$ = push(p, $1, $3); }
    ;
seg: word seg_indices                     { uint32_t end = $2.n ? END($2.at[$2.n - 1]) + 1 : $1.end;
                                            $$ = named(from_list(p, NCR_AST_SEG, &$1, end, $2), &$1); }
   ;
seg_indices: %empty                       { $$ = NONE; }
           | seg_indices '[' INT ']'      { $$ = push(p, $1, leaf(p, NCR_AST_INT, &$3)); }
           ;
word: NAME                                { $$ = $1; }
    ;

%%

enum { MESSAGE_TOKENS = 5 };

static struct ncr_ast *node(struct ncr_parse *p, enum ncr_ast_kind kind, const struct ncr_token *first, uint32_t end,
                            uint32_t n, struct ncr_ast **kids)
{
    struct ncr_ast *a = NCR_NEW(p->lexer.arena, struct ncr_ast);
    uint32_t begin = first ? first->begin : end;
    a->kind = kind;
    a->n_kids = n;
    a->kid = n ? ncr_arena_copy(p->lexer.arena, kids, n * sizeof *kids) : NULL;
    a->depth = 1;
    for (uint32_t i = 0; i < n; i++) {
        if (!kids[i]) continue;
        if (kids[i]->depth >= a->depth) a->depth = kids[i]->depth + 1;
        if (!first && kids[i]->span.begin < begin) begin = kids[i]->span.begin;
    }
    a->span = a->name_span = (struct ncr_span){p->lexer.file, begin, end};
    a->text = a->doc = (struct ncr_str){"", 0};
    if (first) a->doc = first->doc;
    if (a->depth > NCR_LIMIT_DEPTH && !p->too_deep) {
        p->too_deep = true;
        NCR_DIAG(p->lexer.diags, TOO_DEEP, a->span, (unsigned)NCR_LIMIT_DEPTH);
    }
    return a;
}

static struct ncr_ast *leaf(struct ncr_parse *p, enum ncr_ast_kind kind, const struct ncr_token *t)
{
    struct ncr_ast *a = node(p, kind, t, t->end, 0, NULL);
    a->text = t->text;
    a->value.i = t->i;
    a->value.f = t->f;
    a->is_int = t->is_int;
    if (kind == NCR_AST_INT || kind == NCR_AST_FLOAT || kind == NCR_AST_PERCENT || kind == NCR_AST_THIS || kind == NCR_AST_BOOL)
        a->text = (struct ncr_str){"", 0};
    return a;
}

static struct ncr_ast *named(struct ncr_ast *a, const struct ncr_token *name)
{
    a->text = name->text;
    a->name_span.begin = name->begin;
    a->name_span.end = name->name_end ? name->name_end : name->end;
    return a;
}

static struct ncr_ast *with_op(struct ncr_ast *a, enum ncr_ast_op op, const struct ncr_token *t)
{
    a->op = op;
    a->name_span.begin = t->begin;
    a->name_span.end = t->end;
    return a;
}

static struct ncr_nodes push(struct ncr_parse *p, struct ncr_nodes list, struct ncr_ast *a)
{
    if (a) ncr_vec_push(p->lexer.arena, &list, a);
    return list;
}

static struct ncr_nodes join(struct ncr_parse *p, struct ncr_nodes a, struct ncr_nodes b)
{
    for (uint32_t i = 0; i < b.n; i++) a = push(p, a, b.at[i]);
    return a;
}

static struct ncr_ast *from_list(struct ncr_parse *p, enum ncr_ast_kind kind, const struct ncr_token *first, uint32_t end,
                                 struct ncr_nodes kids)
{
    return node(p, kind, first, end, kids.n, kids.at);
}

static struct ncr_ast *binary(struct ncr_parse *p, struct ncr_ast *a, enum ncr_ast_op op, const struct ncr_token *t,
                              struct ncr_ast *b)
{
    return with_op(node(p, NCR_AST_BINARY, NULL, END(b), K2(a, b)), op, t);
}

static struct ncr_ast *postfix(struct ncr_parse *p, enum ncr_ast_kind kind, struct ncr_ast *base, uint32_t end,
                               struct ncr_nodes rest)
{
    return from_list(p, kind, NULL, end, join(p, ONE(base), rest));
}

static struct ncr_ast *annotate(struct ncr_parse *p, struct ncr_nodes annots, struct ncr_ast *a)
{
    (void)p;
    if (annots.n == 0) return a;
    a->annots = annots.at;
    a->n_annots = annots.n;
    if (a->doc.n == 0) a->doc = annots.at[0]->doc;
    return a;
}

static struct ncr_ast *body(struct ncr_parse *p, const struct ncr_token *open, struct ncr_nodes statements,
                            struct ncr_ast *result, uint32_t end)
{
    ncr_vec_push(p->lexer.arena, &statements, result); // NULL: no result
    return from_list(p, NCR_AST_BLOCK, open, end, statements);
}

static struct ncr_token dotted(struct ncr_parse *p, struct ncr_token a, struct ncr_token b)
{
    struct ncr_token t = a;
    t.text = ncr_str_fmt(p->lexer.arena, "%.*s.%.*s", NCR_STR_ARG(a.text), NCR_STR_ARG(b.text));
    t.end = b.end;
    return t;
}

static int ncr_yylex(YYSTYPE *value, struct ncr_parse *p)
{
    if (p->start) {
        int start = p->start;
        p->start = 0;
        return start;
    }
    p->before = p->shown;
    p->shown = p->lexer.tokens.at[p->lexer.next];
    if (p->lexer.next + 1 < p->lexer.tokens.n) p->lexer.next++;
    if (p->too_deep) p->shown.kind = T_YYEOF;
    value->t = p->shown;
    return p->shown.kind;
}

static void ncr_yyerror(struct ncr_parse *p, const char *text)
{
    (void)text; // the one call is for the parser's own stack: nesting too deep to be read at all
    if (!p->too_deep)
        NCR_DIAG(p->lexer.diags, TOO_DEEP, ncr_lex_span(&p->lexer, p->shown.begin, p->shown.end), (unsigned)NCR_LIMIT_DEPTH);
    p->too_deep = true;
}

static bool starts_expression(int kind)
{
    return kind == YYSYMBOL_CHOOSE || kind == YYSYMBOL_THIS || kind == YYSYMBOL_TRUE || kind == YYSYMBOL_FALSE ||
           kind == YYSYMBOL_FLOAT || kind == YYSYMBOL_PERCENT || kind == YYSYMBOL_QUANTITY || kind == YYSYMBOL_STRING ||
           kind == YYSYMBOL_OPTIONAL || kind == YYSYMBOL_REPEAT || kind == YYSYMBOL_INT || kind == YYSYMBOL_IF;
}

static bool is_comparison(int kind)
{
    return kind == T_EQ || kind == T_NE || kind == '<' || kind == T_LE || kind == '>' || kind == T_GE;
}

static int yyreport_syntax_error(const yypcontext_t *context, struct ncr_parse *p)
{
    if (p->too_deep) return 0;
    yysymbol_kind_t expected[YYNTOKENS];
    int n = yypcontext_expected_tokens(context, expected, YYNTOKENS);
    if (n < 0) n = 0;
    bool expression = false, semicolon = false, pipe = false;
    for (int i = 0; i < n; i++) {
        expression |= expected[i] == YYSYMBOL_CHOOSE;
        semicolon |= expected[i] == YYSYMBOL_YYUNDEF || strcmp(yysymbol_name(expected[i]), "`;`") == 0;
        pipe |= expected[i] == YYSYMBOL_PIPE;
    }
    struct ncr_token t = p->shown;
    struct ncr_span span = ncr_lex_span(&p->lexer, t.begin, t.end);
    if (pipe && is_comparison(t.kind)) {
        NCR_DIAG0(p->lexer.diags, CHAINED_COMPARISON, span);
        return 0;
    }
    struct ncr_buf list = {0};
    int shown = 0, total = 0;
    if (expression) total++;
    // After an operand dozens of operators could follow: naming what ends it says more.
    for (int i = 0; i < n; i++) {
        bool part = expression && (starts_expression(expected[i]) || strchr("-!([@", yysymbol_name(expected[i])[1]) ||
                                   expected[i] == YYSYMBOL_NAME);
        bool infix = pipe && !strchr(";,)]}{", yysymbol_name(expected[i])[1]) && expected[i] != YYSYMBOL_ELSE;
        if (part || infix) expected[i] = YYSYMBOL_YYEMPTY;
        total += expected[i] != YYSYMBOL_YYEMPTY;
    }
    ncr_buf_puts(&list, "expected ");
    if (expression) {
        ncr_buf_puts(&list, "an expression");
        shown++;
    }
    for (int i = 0; i < n && shown < MESSAGE_TOKENS; i++) {
        if (expected[i] == YYSYMBOL_YYEMPTY) continue;
        ncr_buf_puts(&list, shown == 0 ? "" : shown + 1 == total || shown + 1 == MESSAGE_TOKENS ? " or " : ", ");
        ncr_buf_puts(&list, yysymbol_name(expected[i]));
        shown++;
    }
    if (shown == 0) ncr_buf_puts(&list, "something else");
    const char *found = t.kind == T_YYEOF ? "end of file" : yysymbol_name(yypcontext_token(context));
    struct ncr_buf text = {0};
    if (t.kind == T_NAME || t.kind == T_LABEL)
        ncr_buf_fmt(&text, "name `%.*s`", NCR_STR_ARG(t.text));
    else
        ncr_buf_puts(&text, found);
    // A missing `;` is at the end of what it should end, not at the word that follows on a later line.
    bool later = p->before.end && ncr_sources_pos(p->lexer.diags->sources, p->lexer.file, p->before.end).line <
                                      ncr_sources_pos(p->lexer.diags->sources, p->lexer.file, t.begin).line;
    if (semicolon && later) {
        span = ncr_lex_span(&p->lexer, p->before.end - 1, p->before.end);
        struct ncr_diag *d = NCR_DIAG(p->lexer.diags, UNEXPECTED, span, text.s, list.s);
        ncr_diag_help(p->lexer.diags, d, "a `;` is missing here");
    } else {
        NCR_DIAG(p->lexer.diags, UNEXPECTED, span, text.s, list.s);
    }
    ncr_buf_free(&text);
    ncr_buf_free(&list);
    return 0;
}

const char *ncr_token_name(int kind)
{
    return yysymbol_name(YYTRANSLATE(kind));
}

static struct ncr_syntax *parse(struct ncr_arena *arena, struct ncr_diags *diags, uint32_t file, int start)
{
    struct ncr_parse *p = NCR_NEW(arena, struct ncr_parse);
    p->start = start;
    uint32_t errors = diags->n_errors;
    ncr_lex(&p->lexer, arena, diags, file);
    ncr_yyparse(p);
    struct ncr_syntax *syntax = NCR_NEW(arena, struct ncr_syntax);
    syntax->file = file;
    syntax->comments = p->lexer.comments.at;
    syntax->n_comments = p->lexer.comments.n;
    syntax->root = p->root;
    bool failed = diags->n_errors > errors;
    if (start == T_START_FILE && (!p->root || p->too_deep)) syntax->root = node(p, NCR_AST_FILE, NULL, 0, 0, NULL);
    if (start != T_START_FILE && failed) syntax->root = NULL;
    return syntax;
}

struct ncr_syntax *ncr_parse(struct ncr_arena *arena, struct ncr_diags *diags, uint32_t file)
{
    return parse(arena, diags, file, T_START_FILE);
}

struct ncr_syntax *ncr_parse_genotype(struct ncr_arena *arena, struct ncr_diags *diags, uint32_t file)
{
    return parse(arena, diags, file, T_START_GENOTYPE);
}

struct ncr_ast *ncr_parse_expr(struct ncr_arena *arena, struct ncr_diags *diags, uint32_t file)
{
    return parse(arena, diags, file, T_START_EXPR)->root;
}

void ncr_tokens_dump(struct ncr_diags *diags, uint32_t file, struct ncr_buf *out)
{
    struct ncr_lexer lexer;
    ncr_lex(&lexer, diags->arena, diags, file);
    for (uint32_t i = 0; i < lexer.tokens.n; i++) {
        const struct ncr_token *t = &lexer.tokens.at[i];
        struct ncr_pos pos = ncr_sources_pos(diags->sources, file, t->begin);
        ncr_buf_fmt(out, "%u:%u %s", pos.line, pos.column, ncr_token_name(t->kind));
        if (t->kind != T_YYEOF)
            ncr_buf_fmt(out, " %.*s", (int)(t->end - t->begin), lexer.source.s + t->begin);
        ncr_buf_putc(out, '\n');
    }
}
