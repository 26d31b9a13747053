<?php
/** The list of posts: a bulk action for old posts, and a word on those that wait. */

namespace Tagdesk;

defined('ABSPATH') || exit;

const BULK_SECONDS = 20.0;

function add_bulk_action(array $actions): array
{
    return $actions + ['tagdesk' => __('Tag with Tagdesk', 'tagdesk')];
}

/** Tag the chosen posts, as many as the time allows; WP-Cron goes on. WordPress has checked the nonce. */
function bulk(string $back, string $action, array $ids): string
{
    if ('tagdesk' !== $action) {
        return $back;
    }
    $ids = array_filter(array_map('intval', $ids), function (int $id): bool {
        return is_ours(get_post($id)) && 'publish' === get_post_status($id) && current_user_can('edit_post', $id);
    });
    foreach ($ids as $id) {
        update_post_meta($id, RETRY, sprintf('%.4f', microtime(true)));
    }
    $count = catch_up($ids, __NAMESPACE__ . '\tag_post', settings()['limit'], microtime(true) + BULK_SECONDS);
    return add_query_arg('tagdesk', implode('-', $count), $back);
}

function show_outcome(): void
{
    $counts = isset($_GET['tagdesk']) ? sanitize_text_field(wp_unslash($_GET['tagdesk'])) : '';
    if (preg_match('/^(\d{1,9})-(\d{1,9})-(\d{1,9})$/D', $counts, $match)) {
        /* translators: 1, 2, 3: how many posts */
        $text = __('Tagdesk: %1$d tagged, %2$d refused, %3$d wait for WP-Cron.', 'tagdesk');
        echo '<div class="notice notice-info is-dismissible"><p>',
            esc_html(sprintf($text, $match[1], $match[2], $match[3])), '</p></div>';
    }
}

function show_state(array $states, $post): array
{
    $error = is_ours($post) ? note($post->ID)['error'] : '';
    if ('' === $error) {
        return $states;
    }
    $text = '' !== (string) get_post_meta($post->ID, RETRY, true)
        /* translators: %s: the reason */
        ? __('waits for Tagdesk: %s', 'tagdesk')
        /* translators: %s: the reason */
        : __('not tagged: %s', 'tagdesk');
    return $states + ['tagdesk' => esc_html(sprintf($text, $error))];
}
