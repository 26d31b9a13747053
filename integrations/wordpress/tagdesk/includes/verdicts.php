<?php
/**
 * What an editor judged, in one of the two editors: a topic taken away is a no, a topic put there a yes.
 *
 * What was left alone is not judged, nor is what changes by another way: REST, XML-RPC, quick edit, bulk edit, WP-CLI.
 */

namespace Tagdesk;

use WP_Post;

defined('ABSPATH') || exit;

const JUDGED_NONCE = 'tagdesk_judged';

/** The field of a save by which the block editor's script says what it showed and what terms the editor changed. */
function add_field(): void
{
    $terms = ['type' => 'array', 'items' => ['type' => 'integer'], 'maxItems' => 1000, 'required' => true];
    $seals = ['type' => 'array', 'items' => ['type' => 'string'], 'maxItems' => 1000, 'required' => true];
    register_rest_field(post_types(), 'tagdesk', [
        'update_callback' => __NAMESPACE__ . '\judge_block_save',
        'schema' => [
            'description' => 'What the editor showed and what terms were changed in it.',
            'type' => 'object',
            'context' => ['edit'],
            'additionalProperties' => false,
            'properties' => ['before' => $terms, 'after' => $terms, 'shown' => $seals],
        ],
    ]);
}

/** WordPress has checked who saves, and the form of what came. */
function judge_block_save(array $sent, WP_Post $post): void
{
    judge($post, $sent['before'], $sent['after'], $sent['shown']);
}

/** The fields by which we know a save by the classic editor's form, and what terms it showed. */
function show_judged_fields(WP_Post $post): void
{
    wp_nonce_field(JUDGED_NONCE . $post->ID, JUDGED_NONCE, false);
    $before = implode(',', terms_on($post->ID, settings()['taxonomy']));
    foreach (['before' => $before, 'shown' => ''] as $name => $value) {
        echo '<input type="hidden" name="tagdesk[', esc_attr($name), ']" value="', esc_attr($value), '">';
    }
}

/** The terms that were on a post before the first save of this request. */
function terms_before_save(int $post): array
{
    static $terms = [];
    return $terms[$post] ??= terms_on($post, settings()['taxonomy']);
}

/** After the first save of a request, for plugins may save again: judge what the classic editor's form changed. */
function judge_classic_save(int $id, WP_Post $post): void
{
    static $is_judged = false;
    $nonce = sanitize_text_field(wp_unslash($_POST[JUDGED_NONCE] ?? ''));
    $is_classic = is_admin() && is_ours($post) && is_array($_POST['tagdesk'] ?? null)
        && $id === (int) ($_POST['post_ID'] ?? 0);
    if ($is_judged || !$is_classic || !wp_verify_nonce($nonce, JUDGED_NONCE . $id)
        || !current_user_can('edit_post', $id)) {
        return;
    }
    $is_judged = true;
    $sent = array_map(function ($value): string {
        return is_string($value) ? sanitize_text_field(wp_unslash($value)) : '';
    }, $_POST['tagdesk'] + ['before' => '', 'shown' => '']);
    $after = terms_in_form(settings()['taxonomy']);
    if (null !== $after) {
        judge($post, array_map('intval', explode(',', $sent['before'])), $after, explode(',', $sent['shown']));
    }
}

/**
 * The ids of the terms in the classic editor's form; the post may have more, which plugins put there.
 *
 * @return int[]|null None where the form has no field for them.
 */
function terms_in_form(string $taxonomy): ?array
{
    if ('category' === $taxonomy) {
        return isset($_POST['post_category']) ? array_map('intval', (array) $_POST['post_category']) : null;
    }
    if (!isset($_POST['tax_input'][$taxonomy])) {
        return null;
    }
    // By name, as the save itself looks them up.
    return array_filter(taxonomy_meta_box_sanitize_cb_input($taxonomy, $_POST['tax_input'][$taxonomy]), 'is_int');
}

/**
 * Keep the verdicts of an editor who changed the terms of a post; all that stand are sent again.
 *
 * @param int[] $before The terms on the post as the editor was shown it.
 * @param int[] $after The terms as the editor left them.
 * @param string[] $seals What the editor was shown.
 */
function judge(WP_Post $post, array $before, array $after, array $seals): void
{
    $taxonomy = settings()['taxonomy'];
    $note = note($post->ID);
    $verdicts = $note['verdicts'];
    $shown = unseal($post->ID, $seals);
    $given = array_merge($verdicts['given'], ids($note['given']), listed($shown['topics']));
    $verdicts['given'] = array_values(array_unique($given));
    // What an editor says to have changed counts as far as the save did change it.
    $was = topics_of(terms_before_save($post->ID), $taxonomy);
    $is = topics_on($post->ID, $taxonomy);
    $put_there = array_intersect(topics_of(array_diff($after, $before), $taxonomy), array_diff($is, $was));
    $taken_away = array_intersect(topics_of(array_diff($before, $after), $taxonomy), array_diff($was, $is));
    if (!$put_there && !$taken_away) {
        return;
    }
    $yes = array_merge(array_diff($verdicts['yes'], $taken_away), $put_there);
    // A topic that the model did not give was no mistake of the model's.
    $no = array_merge(array_diff($verdicts['no'], $put_there), array_intersect($taken_away, $given));
    $verdicts['yes'] = array_values(array_unique($yes));
    $verdicts['no'] = array_values(array_unique($no));
    $verdicts['model'] = $shown['model'] ?: $note['model'] ?: $verdicts['model'];
    $verdicts['editor'] = mb_substr('wordpress:' . wp_get_current_user()->user_login, 0, 256);
    $is_news = [$verdicts['yes'], $verdicts['no']] !== [$note['verdicts']['yes'], $note['verdicts']['no']];
    $note['verdicts'] = $verdicts;
    keep_note($post->ID, $note);
    // Verdicts on a post that is not tagged yet wait until it is.
    if ($is_news && '' !== $note['model']) {
        queue_correction($post->ID);
    }
}

/** The verdicts on a post that stand: what terms changed since by another way says neither yes nor no. */
function standing(WP_Post $post): array
{
    $note = note($post->ID);
    $on = topics_on($post->ID, $note['taxonomy']);
    $given = array_merge(ids($note['given']), $note['verdicts']['given']);
    // Topics of a model that is gone are no verdict on the one that answers now.
    $yes = listed(array_intersect($note['verdicts']['yes'], $on));
    return [
        'accepted' => array_values(array_intersect($yes, $given)),
        'rejected' => listed(array_diff($note['verdicts']['no'], $on)),
        'added' => array_values(array_diff($yes, $given)),
    ];
}
