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

    // Select2 leaves what it draws without a name and outside of the page's landmarks.
    const autocompletes = document.querySelectorAll('.admin-autocomplete');
    const mend = (select) => {
        const label = select.labels[0];
        label.id = `${select.id}_label`;
        for (const part of select.parentNode.querySelectorAll('[role=combobox], [role=textbox]')) {
            part.setAttribute('aria-labelledby', `${label.id} select2-${select.id}-container`);
        }
    };
    const mendOpened = (event) => {
        const results = `select2-${event.target.id}-results`;
        event.target.parentNode.querySelector('[role=combobox]').setAttribute('aria-controls', results);
        for (const part of document.querySelectorAll('.select2-dropdown [role=searchbox], .select2-dropdown [role=listbox]')) {
            part.setAttribute('aria-labelledby', `${event.target.id}_label`);
        }
    };
    for (const select of autocompletes) {
        select.dataset.dropdownParent = '#content';
    }
    // Registered after Django's own, so that it runs when Select2 has drawn.
    window.django?.jQuery?.(() => {
        autocompletes.forEach(mend);
        window.django.jQuery(autocompletes).on('select2:open', mendOpened);
    });
}
