<?php
/** Posts → Refused corrections: what the service does not take, why, and what an editor can do about it. */

namespace Tagdesk;

use WP_Post;

defined('ABSPATH') || exit;

const REFUSED_PAGE = 'tagdesk-refused';
/** Who may look after the corrections of all editors. */
const MAY_SETTLE = 'edit_others_posts';

function add_refused_page(): void
{
    $title = __('Refused corrections', 'tagdesk');
    add_posts_page($title, $title, MAY_SETTLE, REFUSED_PAGE, __NAMESPACE__ . '\show_refused_page');
}

/** Above the list of posts: that corrections were refused. */
function show_refused_notice(): void
{
    $screen = get_current_screen();
    if (!$screen || !in_array($screen->base, ['edit', 'dashboard'], true) || !current_user_can(MAY_SETTLE)) {
        return;
    }
    $count = count(marked_posts(REFUSED, 'any'));
    if ($count) {
        /* translators: %d: how many */
        $text = _n('Tagdesk refused %d correction.', 'Tagdesk refused %d corrections.', $count, 'tagdesk');
        echo '<div class="notice notice-warning"><p>', esc_html(sprintf($text, $count)), ' <a href="',
            esc_url(admin_url('edit.php?page=' . REFUSED_PAGE)), '">', esc_html__('See why', 'tagdesk'),
            '</a></p></div>';
    }
}

function show_refused_page(): void
{
    $posts = array_filter(marked_posts(REFUSED, 'any'), function (int $post): bool {
        return current_user_can('edit_post', $post);
    });
    echo '<div class="wrap"><h1>', esc_html__('Refused corrections', 'tagdesk'), '</h1><p>', esc_html__(
        'Tagdesk refused these corrections. Put right what the reason names and send them again, or discard them.',
        'tagdesk'
    ), '</p>';
    if (!$posts) {
        echo '<p>', esc_html__('There are none.', 'tagdesk'), '</p></div>';
        return;
    }
    $headings = [__('Post', 'tagdesk'), __('Verdicts', 'tagdesk'), __('Editor', 'tagdesk'), __('Reason', 'tagdesk')];
    echo '<table class="widefat striped"><thead><tr>';
    foreach ($headings as $heading) {
        echo '<th scope="col">', esc_html($heading), '</th>';
    }
    echo '<td></td></tr></thead><tbody>';
    foreach (array_map('get_post', $posts) as $post) {
        show_refused_row($post);
    }
    echo '</tbody></table></div>';
}

function show_refused_row(WP_Post $post): void
{
    $refused = get_post_meta($post->ID, REFUSED, true);
    $title = get_the_title($post) ?: __('(no title)', 'tagdesk');
    $cells = [verdict_lines($post), [(string) note($post->ID)['verdicts']['editor']], [$refused['reason'],
        wp_date(get_option('date_format') . ' ' . get_option('time_format'), $refused['at'])]];
    echo '<tr><td><a href="', esc_url(get_edit_post_link($post->ID)), '">', esc_html($title), '</a></td>';
    foreach ($cells as $lines) {
        echo '<td>', implode('<br>', array_map('esc_html', $lines)), '</td>';
    }
    echo '<td><form method="post" action="', esc_url(admin_url('admin-post.php')), '">',
        '<input type="hidden" name="action" value="tagdesk_refused"><input type="hidden" name="post" value="',
        esc_attr($post->ID), '">';
    wp_nonce_field('tagdesk_refused_' . $post->ID, '_wpnonce', false);
    echo '<button class="button" name="what" value="send">', esc_html__('Send again', 'tagdesk'), '</button> ',
        '<button class="button" name="what" value="discard">', esc_html__('Discard', 'tagdesk'), '</button>',
        '</form></td></tr>';
}

/** The verdicts on a post, a line for each kind that there is. */
function verdict_lines(WP_Post $post): array
{
    $labels = [
        /* translators: %s: names of topics */
        'accepted' => __('accepted: %s', 'tagdesk'),
        /* translators: %s: names of topics */
        'rejected' => __('rejected: %s', 'tagdesk'),
        /* translators: %s: names of topics */
        'added' => __('added: %s', 'tagdesk'),
    ];
    $lines = [];
    foreach (array_filter(standing($post)) as $kind => $topics) {
        $names = array_intersect_key(known_topics(), array_flip($topics));
        $lines[] = sprintf($labels[$kind], implode(', ', $names));
    }
    return $lines;
}

/** Send a refused correction again, or discard it. */
function settle_refused(): void
{
    $id = (int) ($_POST['post'] ?? 0);
    check_admin_referer('tagdesk_refused_' . $id);
    $post = get_post($id);
    if (!is_ours($post) || !current_user_can(MAY_SETTLE) || !current_user_can('edit_post', $id)) {
        wp_die(esc_html__('You may not do this.', 'tagdesk'), 403);
    }
    if (!get_post_meta($id, REFUSED, true)) {
        wp_safe_redirect(admin_url('edit.php?page=' . REFUSED_PAGE)); // settled already, by somebody else
        exit;
    }
    if ('discard' === ($_POST['what'] ?? '')) {
        discard_correction($id);
    } else {
        queue_correction($id);
        if ('publish' === $post->post_status) {
            send_correction($post, settings()['limit']);
        }
    }
    wp_safe_redirect(admin_url('edit.php?page=' . REFUSED_PAGE));
    exit;
}
