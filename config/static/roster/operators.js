// The operators' site: what markup alone cannot do. Every page works without it.
'use strict';
{
    const button = document.getElementById('menu-button');
    const menu = document.getElementById('menu');
    const show = (isOpen) => {
        menu.classList.toggle('open', isOpen);
        button.setAttribute('aria-expanded', isOpen);
    };
    button?.addEventListener('click', () => show(!menu.classList.contains('open')));

    // Filters open like menus: what happens elsewhere closes them.
    const openFilters = () => document.querySelectorAll('details.filter[open]');
    document.addEventListener('click', (event) => {
        for (const filter of openFilters()) {
            filter.open = filter.contains(event.target);
        }
    });
    document.addEventListener('keydown', (event) => {
        if (event.key !== 'Escape') {
            return;
        }
        for (const filter of openFilters()) {
            filter.open = false;
            filter.querySelector('summary').focus();
        }
        if (menu?.classList.contains('open')) {
            show(false);
            button.focus();
        }
    });
}
