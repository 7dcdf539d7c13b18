//! From the model to Rust items. All work is in `mosaik::__private::stream`; what is generated here
//! only names it, so that it means the same in every edition, under every name of the dependency and
//! beside every name of the user's.

use super::keys::Side;
use crate::declaration::{End, Id, Language as _, Model, items};
use crate::emit::located;
use crate::id;
use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens as _, format_ident, quote, quote_spanned};
use syn::spanned::Spanned as _;

/// The items of a declaration. `root` is the path of mosaik.
pub(crate) fn expand(root: &TokenStream, model: &Model<Side>) -> TokenStream {
    let structure = items::structure(root, model);
    let (datum, alias) = items::declared_type(model);
    let ends = model
        .ends
        .iter()
        .map(|end| implementation(root, model, end, &datum));
    let assertion = items::assertion(root, model);
    let unfinished = items::unfinished(root, model);
    quote! {
        #structure
        #alias
        #assertion
        #(#ends)*
        #unfinished
    }
}

fn implementation(
    root: &TokenStream,
    model: &Model<Side>,
    end: &End<Side>,
    datum: &TokenStream,
) -> TokenStream {
    let Words {
        definition,
        associated,
        handle,
        open,
        build,
        online,
    } = words(end.side);
    let name = &model.name;
    let bounded = items::bounded(root, model);
    let (generics, arguments, where_clause) = bounded.split_for_impl();
    let cfgs = items::cfgs(model);
    let deprecated = items::deprecated(model);
    let builder = Ident::new("__mosaik_builder", Span::mixed_site());
    // Whatever is wrong with the type is pointed out at the type.
    let handle_type = {
        let root = located(root, datum.span());
        let [associated, handle] =
            [&associated, &handle].map(|word| Ident::new(&word.to_string(), datum.span()));
        quote_spanned!(datum.span()=> type #associated = #root::__private::#handle<#datum>;)
    };
    let id = id(root, model, &builder);
    let calls = end
        .calls
        .iter()
        .map(|call| items::set::<Side>(root, call, &builder));
    // Said once: where there are two sides, the other one would only repeat it.
    let told = (model.ends.first().map(|first| first.side) == Some(end.side)).then(|| {
        model
            .replaced
            .iter()
            .map(items::told)
            .collect::<TokenStream>()
    });
    // Local names resolve where the macro is defined: neither the user's expressions can see them
    // nor can the user's items capture them.
    quote_spanned! {Span::mixed_site()=>
        #(#cfgs)*
        #deprecated
        impl #generics #root::__private::#definition for #name #arguments #where_clause {
            #handle_type

            fn #open(__mosaik_network: &#root::__private::Network) -> Self::#associated {
                #told
                let #builder = #root::__private::stream::#open::<#datum>(__mosaik_network);
                #id
                #(#calls)*
                #root::__private::stream::#build(#builder)
            }

            fn #online(
                __mosaik_network: &#root::__private::Network,
            ) -> impl #root::__private::Future<Output = Self::#associated>
            + #root::__private::Send
            + #root::__private::Sync
            + 'static {
                #root::__private::stream::#online(
                    <Self as #root::__private::#definition>::#open(__mosaik_network),
                )
            }
        }
    }
}

/// What the two sides call the same things.
struct Words {
    definition: Ident,
    associated: Ident,
    handle: Ident,
    open: Ident,
    build: Ident,
    online: Ident,
}

fn words(side: Side) -> Words {
    let handle = match side {
        Side::Producer => format_ident!("Producer"),
        Side::Consumer => format_ident!("Consumer"),
    };
    let open = format_ident!("{}", side.name());
    Words {
        definition: format_ident!("Stream{handle}"),
        associated: handle.clone(),
        build: format_ident!("build_{open}"),
        online: format_ident!("online_{open}"),
        handle,
        open,
    }
}

fn id(root: &TokenStream, model: &Model<Side>, builder: &Ident) -> Option<TokenStream> {
    let id = match model.id.as_ref()? {
        Id::Literal(literal) => id::constant(root, &literal.value()),
        Id::Expr(expr) => expr.to_token_stream(),
    };
    let root = located(root, id.span());
    let set = quote_spanned!(id.span()=> #root::__private::stream::with_id);
    Some(quote_spanned!(Span::mixed_site()=> let #builder = #set(#builder, #id);))
}
